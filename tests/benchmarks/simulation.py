"""A drop on the model: who claims when, in which process, and what the policy makes of it.

The policy is the one that ships (`functions.shared.domain.drawing`); what is written anew here is
the loop around it, as the issue function has it, on simulated time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from functions.shared.domain.drawing import (
    Ask,
    Draw,
    Drawer,
    GiveUp,
    Look,
    Move,
    Pause,
    Prove,
    Search,
    Settle,
    Step,
)
from tests.benchmarks.clockwork import Clockwork, Process
from tests.benchmarks.dynamo_model import Ground, Outcome, Table

SHARDS_PER_READING = 100
PROOFS = 3
REMEMBERED_S = 2.0
# How often a drop that may have to be cut short is looked at.
SLICES = 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drop.

    Args:
        shards: counters of the pool.
        units: its stock.
        claims_per_s: arrivals, at random (Poisson), until a second after the stock is gone.
        environments: processes, each with one claim at a time; claims wait for a free one.
        reuse: which free process is taken: `random`, or the `last` that became free.
        ground: what is assumed of DynamoDB.
        deaths: the chance that a process dies at a call.
        longest: simulated time at most, as a multiple of stock / rate, and a second.
        most_calls: simulated calls a unit at most, about; a drop that is not sold out when either
            is used up is taken to go on at the rate it had.
        seed: of everything random.

    """

    shards: int
    units: int
    claims_per_s: int
    environments: int
    reuse: str = "random"
    ground: Ground = field(default_factory=Ground)
    deaths: float = 0.0
    longest: float = 4.0
    most_calls: float = 100.0
    seed: int = 1

    @property
    def ideal_s(self) -> float:
        """How long the stock lasts if every claim gets a unit at once."""
        return self.units / self.claims_per_s


@dataclass(slots=True)
class Tally:
    """What came of it."""

    attempts: int = 0
    moves: int = 0
    early_busy: int = 0
    early_sold_out: int = 0
    lost_units: int = 0
    losers: int = 0
    proofs: int = 0
    looks: int = 0
    homes: int = 0


class Environment:
    """A process of the issue function, and what it remembers of the pool."""

    def __init__(self, drop: Drop) -> None:
        self.drop = drop
        self.renew()

    def renew(self) -> None:
        """As a process that has just started."""
        scenario = self.drop.scenario
        self.drawer = Drawer(scenario.shards, scenario.units, self.drop.random)
        self.sold_out_until = -1.0
        self.was_sold_out = False


Claim = Callable[["Drop", Environment], Process]


class Drop:
    """A scenario under way.

    Args:
        scenario: which.
        claim: what a process does with a claim.

    """

    def __init__(self, scenario: Scenario, claim: Claim) -> None:
        self.scenario = scenario
        self.random = Random(scenario.seed)  # noqa: S311 - a run must be repeatable
        self.clock = Clockwork()
        units, left = divmod(scenario.units, scenario.shards)
        levels = [units + (number < left) for number in range(scenario.shards)]
        self.table = Table(self.clock, scenario.ground, levels)
        self.tally = Tally()
        # Shards that a claim draws from: what a process could not know.
        self.under_way: set[int] = set()
        self._claim = claim
        self._arrived = 0
        # When the claim arrives that must get the last unit; until then, what is expected.
        self._ideal_s = scenario.ideal_s
        self._idle = [Environment(self) for _ in range(scenario.environments)]
        self._waiting = 0

    def run(self) -> dict[str, Any]:
        """Plays it, and says what came of it."""
        scenario, clock = self.scenario, self.clock
        clock.start(self._arrivals())
        until = scenario.ideal_s * scenario.longest + 1
        while clock.now < until and not clock.is_idle and not self._is_hopeless:
            clock.run(min(until, clock.now + scenario.ideal_s / SLICES))
        return self._result()

    @property
    def _is_hopeless(self) -> bool:
        calls = self.table.meter.calls
        return calls > self.scenario.most_calls * self.scenario.units + 20_000

    def dies(self) -> bool:
        """Whether the process dies at this call."""
        return self.scenario.deaths > 0 and self.random.random() < self.scenario.deaths

    def answered(self, *, busy: bool) -> None:
        """A claim is answered without a voucher: too early, if there was stock."""
        if self.table.left == 0:
            self.tally.losers += 1
        elif busy:
            self.tally.early_busy += 1
        else:
            self.tally.early_sold_out += 1

    def _arrivals(self) -> Process:
        over_at = None
        while over_at is None or self.clock.now < over_at:
            yield self.random.expovariate(self.scenario.claims_per_s)
            if over_at is None and self._is_gone:
                over_at = self.clock.now + 1
            self._waiting += 1
            self._arrived += 1
            if self._arrived == self.scenario.units:
                self._ideal_s = self.clock.now
            self._serve()

    @property
    def _is_gone(self) -> bool:
        return self.table.sold + self.tally.lost_units >= self.scenario.units

    def _serve(self) -> None:
        while self._waiting and self._idle:
            idle = self._idle
            if self.scenario.reuse == "random":
                place = self.random.randrange(len(idle))
                idle[place], idle[-1] = idle[-1], idle[place]
            self._waiting -= 1
            self.clock.start(self._work(idle.pop()))

    def _work(self, environment: Environment) -> Process:
        yield from self._claim(self, environment)
        self._idle.append(environment)
        self._serve()

    def _result(self) -> dict[str, Any]:
        scenario, table, tally, meter = self.scenario, self.table, self.tally, self.table.meter
        sold = table.sold
        complete = self._is_gone
        took_s = table.sold_at if complete else self.clock.now
        ratio = took_s / self._ideal_s * scenario.units / max(1, sold)
        return {
            "shards": scenario.shards,
            "units": scenario.units,
            "claims_per_s": scenario.claims_per_s,
            "environments": scenario.environments,
            "reuse": scenario.reuse,
            "ground": asdict(scenario.ground),
            "deaths": scenario.deaths,
            "sell_out_ratio": round(ratio, 4),
            "is_sold_out": complete,
            "wasted_attempts": round((tally.attempts + tally.moves) / max(1, sold) - 1, 4),
            "write_units_per_claim": round(meter.write_units / max(1, sold), 3),
            "read_units_per_claim": round(meter.read_units / max(1, sold), 3),
            "calls_per_claim": round(table.calls_at_sale / max(1, sold), 4),
            "calls_per_loser": round((meter.calls - table.calls_at_sale) / max(1, tally.losers), 4),
            "oversold": max(0, sold - scenario.units),
            "unsold": tally.lost_units,
            "conflicts": meter.conflicts,
            "throttled": meter.throttled,
            "throttled_reads": meter.throttled_reads,
            "moves": tally.moves,
            "looks": tally.looks,
            "homes": tally.homes,
            "proofs": tally.proofs,
            "early_busy": tally.early_busy,
            "early_sold_out": tally.early_sold_out,
            "early_refusals": round((tally.early_busy + tally.early_sold_out) / scenario.units, 7),
        }


def claim(drop: Drop, environment: Environment) -> Generator[float, None, int]:
    """A claim as the issue function makes it; how many calls it took."""
    if drop.clock.now < environment.sold_out_until:
        drop.answered(busy=False)
        return 0
    way = _Way(drop, environment)
    if environment.was_sold_out and not (yield from way.is_marked()):
        environment.was_sold_out = False
        environment.drawer.refilled()
    way.search = environment.drawer.search()
    while not way.is_over:
        yield from way.carry_out(way.search.step())
        if drop.dies():
            environment.renew()
            break
    return way.calls


class _Way:
    """A claim's way to its answer."""

    search: Search

    def __init__(self, drop: Drop, environment: Environment) -> None:
        self._drop = drop
        self._environment = environment
        self.calls = 0
        self.is_over = False

    def carry_out(self, step: Step) -> Generator[float, None, None]:
        """Does what the policy asks for, and tells it what came of it."""
        match step:
            case Draw(shard):
                yield from self._draw(shard)
            case Move():
                yield from self._move(step)
            case Settle():
                self._drop.tally.homes += 1
                self.calls += 1
                self.search.settled((yield from self._drop.table.give_home()))
            case Look(shards):
                self._drop.tally.looks += 1
                self.calls += 1
                found = yield from self._drop.table.read(shards)
                self.search.looked({number: level for number, (level, _) in found.items()})
            case Ask():
                if not (yield from self.is_marked()):
                    self.search.unmarked()
            case Prove():
                yield from self._prove()
            case Pause(seconds):
                yield seconds
                self.search.paused()
            case GiveUp():
                self._drop.answered(busy=True)
                self.is_over = True

    def is_marked(self) -> Generator[float, None, bool]:
        """Whether the pool is marked sold out; then the claim is answered so."""
        self.calls += 1
        marked = yield from self._drop.table.read_mark()
        if marked:
            self._answer_sold_out()
        return marked

    def _draw(self, shard: int) -> Generator[float, None, None]:
        self._drop.tally.attempts += 1
        self.calls += 1
        outcome = yield from self._drop.table.transact({shard: -1}, vouchers=1)
        if outcome is Outcome.WRITTEN:
            self.search.drawn()
            self.is_over = True
        elif outcome is Outcome.REFUSED:
            self.search.empty(0)
        else:
            self.search.contended()

    def _move(self, step: Move) -> Generator[float, None, None]:
        self._drop.tally.moves += 1
        self.calls += 1
        if step.source == step.target:
            raise ValueError("DynamoDB refuses a transaction that names an item twice")
        changes = {step.source: -step.units, step.target: step.units}
        outcome = yield from self._drop.table.transact(changes)
        if outcome in {Outcome.CONFLICT, Outcome.THROTTLED}:
            self.search.contended()
        else:
            self.search.moved(outcome is Outcome.WRITTEN)

    def _prove(self) -> Generator[float, None, None]:
        self._drop.tally.proofs += 1
        left, calls = yield from _prove(self._drop.table)
        self.calls += calls
        if left is None:
            self._answer_sold_out()
        else:
            self.search.found(left)

    def _answer_sold_out(self) -> None:
        self._environment.sold_out_until = self._drop.clock.now + REMEMBERED_S
        self._environment.was_sold_out = True
        self._drop.answered(busy=False)
        self.is_over = True


def _prove(table: Table) -> Generator[float, None, tuple[dict[int, int] | None, int]]:
    """As `ShardStore.prove_sold_out`: two readings, the same fills at both; and its calls."""
    count = len(table.counters)
    calls = 0
    for _ in range(PROOFS):
        calls += 1
        if (yield from table.read_mark()):
            return None, calls
        fills: list[dict[int, int]] = []
        for _ in range(2):
            seen: dict[int, int] = {}
            for start in range(0, count, SHARDS_PER_READING):
                numbers = range(start, min(start + SHARDS_PER_READING, count))
                calls += 1
                found = yield from table.read(numbers)
                left = {number: level for number, (level, _) in found.items() if level}
                if left:
                    return left, calls
                seen.update({number: fill for number, (_, fill) in found.items()})
            fills.append(seen)
        if fills[0] == fills[1] and len(fills[0]) == count:
            yield from table.mark()
            return None, calls + 1
    return {}, calls

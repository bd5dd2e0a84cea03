"""Which of a pool's shards a claim draws from, when it looks around, and when it may give up.

A pool's stock lies in N counters ("shards"). A claim draws its unit from any one of them, inside
its own transaction. Transactions that meet on a shard are refused, not queued, so processes keep
apart: each has a home shard that it draws from until it is empty, and it moves house when it meets
somebody there. It counts its own draws, so it knows without asking when its home must be empty.

Nothing here is needed for correctness: every draw is conditional, no shard is owned, and a pool is
sold out only when the caller has read that (`Ask`) or shown it (`Prove`). What is known of levels
is an estimate, old by nature; a wrong one costs an attempt.

Pure: no I/O and no clock; chance comes from the `random.Random` that is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar

# What one BatchGetItem takes.
SHARDS_PER_LOOK = 100
# A look begins small, and grows while it shows little: read units cost too.
FIRST_LOOK = 16
# Looks in a row that show nothing before the pool is asked whether it is sold out.
FRUITLESS_LOOKS = 2
# From this level on, half of a shard in use is moved rather than shared: below, meeting its other
# visitors now and then is cheaper than the move.
MOVE_FROM = 48
# Steps of one claim that may fail before it is answered BUSY.
PATIENCE = 40
# A proof that shows neither units nor their absence took up to six readings of the whole pool: it
# counts for so many failures, or a claim would outlast its caller.
OPEN_PROOF = 10
# Waiting where there is no other shard to go to: at first, and at most, before jitter of a half.
FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.16


@dataclass(frozen=True, slots=True)
class Draw:
    """Try the claim's transaction with one unit of this shard."""

    shard: int


@dataclass(frozen=True, slots=True)
class Look:
    """Read the available units of these shards: one call, at most 100, eventually consistent."""

    shards: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Move units from one shard to another: one transaction."""

    source: int
    target: int
    units: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Read the pool, strongly consistent: is it marked sold out? If so, the claim ends there."""


@dataclass(frozen=True, slots=True)
class Prove:
    """Read all shards twice, strongly consistent; mark the pool sold out when none has a unit.

    2 x ceil(N / 100) calls; it stops where units are seen. If none is, the claim ends there.
    """


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait: somebody else is about to prove it, or is in the way at the only shard there is."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Answer BUSY: units may be left, but others were faster too often."""


Step = Draw | Look | Move | Ask | Prove | Pause | GiveUp
StepT = TypeVar("StepT", bound=Step)


class Drawer:
    """What one process knows of one pool; lives as long as the process.

    Not for several threads. Several of its searches may be open at once in one thread: each open
    draw reserves its unit in the estimates until it is reported.

    Args:
        shard_count: the pool's shards, at least 1.
        planned_units: what was spread evenly over them at first.
        random: where chance comes from.

    """

    def __init__(self, shard_count: int, planned_units: int, random: Random) -> None:
        self.random = random
        self._count = shard_count
        self._planned = planned_units
        units, left = divmod(planned_units, shard_count)
        # Upper estimates of what is left; 0 is "known to be empty".
        self._levels = [units + 1] * left + [units] * (shard_count - left)
        self._untouched_from: float = max(1, units)
        self._reserved: dict[int, int] = {}
        self._sighted: list[int] = []
        self._look_size = FIRST_LOOK
        self._home = random.randrange(shard_count)

    @property
    def shard_count(self) -> int:
        """The pool's shards."""
        return self._count

    def search(self) -> Search:
        """One claim's (one unit's) way to a unit."""
        return Search(self)

    def refilled(self) -> None:
        """Forgets what is known of levels: stock came back or was changed."""
        self._levels = [max(1, self._planned)] * self._count
        self._untouched_from = float("inf")
        self._sighted = []
        self._look_size = FIRST_LOOK

    # What follows is between a drawer and its searches.

    def left(self, shard: int) -> int:
        """Units that may be left there and that no open draw has reserved."""
        return self._levels[shard] - self._reserved.get(shard, 0)

    def reserve(self, shard: int) -> None:
        """An open draw counts on a unit there."""
        self._reserved[shard] = self._reserved.get(shard, 0) + 1

    def release(self, shard: int) -> None:
        """The draw was reported."""
        open_draws = self._reserved[shard] - 1
        if open_draws:
            self._reserved[shard] = open_draws
        else:
            del self._reserved[shard]

    def took(self, shard: int, units: int) -> None:
        """Units have left that shard, by a draw or a move of ours."""
        self._levels[shard] = max(0, self._levels[shard] - units)

    def learn(self, shard: int, level: int) -> None:
        """That many units were there a moment ago."""
        self._levels[shard] = level

    def learn_all(self, levels: Mapping[int, int]) -> bool:
        """Takes the answer to a look, and says whether it shows any unit that can be drawn."""
        for shard, level in levels.items():
            self._levels[shard] = level
        seen = [shard for shard, level in levels.items() if level > 0]
        self._sighted = seen + [s for s in self._sighted if s not in levels and self.left(s) > 0]
        del self._sighted[SHARDS_PER_LOOK:]
        if 2 * len(seen) > len(levels):
            self._look_size = max(FIRST_LOOK, self._look_size // 2)
        elif len(seen) * 8 < len(levels):
            self._look_size = min(SHARDS_PER_LOOK, self._look_size * 2)
        # A unit that another search of this claim counts on is none: looks would never end.
        return any(self.left(shard) > 0 for shard in seen)

    @property
    def home(self) -> int:
        """Where this process draws."""
        return self._home

    def settle(self, shard: int) -> None:
        """Draws there from now on."""
        self._home = shard

    def best_sighted(self, avoid: int) -> int | None:
        """The fuller of a few shards seen with units; None when there is none."""
        sighted = self._sighted = [s for s in self._sighted if self.left(s) > 0]
        others = sighted if avoid not in sighted else [s for s in sighted if s != avoid]
        if not others:
            return None
        # The better of two at random: all processes would run after the best.
        return max(self.random.choice(others), self.random.choice(others), key=self.left)

    def some_other(self, avoid: int) -> int | None:
        """A shard at random that is not known to be empty; None when a few tries find none."""
        for _ in range(8):
            shard = self.random.randrange(self._count)
            if shard != avoid and self.left(shard) > 0:
                return shard
        return None

    def is_untouched(self, shard: int) -> bool:
        """Whether nobody seems to draw there: it has all that it was given."""
        return self._levels[shard] >= self._untouched_from

    def unseen(self, *, afresh: bool) -> tuple[int, ...]:
        """Shards at random to look at; not those known to be empty unless `afresh`."""
        size = SHARDS_PER_LOOK if afresh else self._look_size
        if self._count <= SHARDS_PER_LOOK:
            size = SHARDS_PER_LOOK
        elif not afresh:
            found = {self.random.randrange(self._count) for _ in range(2 * size)}
            some = [s for s in found if self.left(s) > 0]
            if len(some) >= size:
                return tuple(some[:size])
        every = [s for s in range(self._count) if afresh or self.left(s) > 0]
        return tuple(self.random.sample(every, min(size, len(every))))


class Search:
    """One unit's way: ask for a `step`, do it, report what came of it exactly once; and again.

    The way is bounded: after `PATIENCE` failures comes GiveUp.
    """

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer
        self._step: Step | None = None
        self._failures = 0
        self._fruitless = 0
        self._asked = 0
        self._conflicts = 0
        self._awaits_proof = False
        self._next: Step | None = None
        self._may_move = True

    def step(self) -> Step:
        """What to do next."""
        if self._failures >= PATIENCE:
            return GiveUp()
        step = self._next or self._choose()
        self._next = None
        self._step = step
        if isinstance(step, Draw):
            self._drawer.reserve(step.shard)
        return step

    def _choose(self) -> Step:
        drawer = self._drawer
        home = drawer.home
        if drawer.left(home) > 0:
            return Draw(home)
        best = drawer.best_sighted(home)
        if best is not None:
            level = drawer.left(best)
            if self._may_move and level >= MOVE_FROM and not drawer.is_untouched(best):
                return Move(best, home, level // 2)
            drawer.settle(best)
            return Draw(best)
        if self._fruitless < FRUITLESS_LOOKS:
            shards = drawer.unseen(afresh=False)
            if shards:
                return Look(shards)
        return Ask()

    def _reported(self, kind: type[StepT]) -> StepT:
        step, self._step = self._step, None
        if not isinstance(step, kind):
            raise TypeError(f"{step} was asked for, not {kind}")
        return step

    def drawn(self) -> None:
        """Draw was granted."""
        step = self._reported(Draw)
        self._drawer.release(step.shard)
        self._drawer.took(step.shard, 1)

    def empty(self, available: int) -> None:
        """Draw was refused; the shard had that many units left (normally 0)."""
        step = self._reported(Draw)
        self._failures += 1
        self._drawer.release(step.shard)
        self._drawer.learn(step.shard, available)

    def contended(self) -> None:
        """Draw or Move met another transaction, or a call was throttled."""
        step, self._step = self._step, None
        self._failures += 1
        if isinstance(step, Draw):
            self._drawer.release(step.shard)
            other = self._drawer.best_sighted(step.shard)
            if other is None:
                other = self._drawer.some_other(step.shard)
            if other is not None:
                self._drawer.settle(other)
            else:
                self._next = Pause(self._wait_s())
        elif isinstance(step, Move):
            self._may_move = False

    def _wait_s(self) -> float:
        """How long to let the others pass who are at the only shard left, in seconds."""
        self._conflicts += 1
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (self._conflicts - 1))
        return longest * self._drawer.random.uniform(0.5, 1.5)

    def undone(self) -> None:
        """Draw was not granted for a reason that says nothing about the shard."""
        step = self._reported(Draw)
        self._failures += 1
        self._drawer.release(step.shard)

    def looked(self, levels: Mapping[int, int]) -> None:
        """Takes the answer to Look, by shard number."""
        self._reported(Look)
        if self._drawer.learn_all(levels):
            self._fruitless = 0
        else:
            self._fruitless += 1

    def moved(self, done: bool) -> None:  # noqa: FBT001 - the one fact that is reported
        """Move was carried out; False: the source had not that many any more."""
        step = self._reported(Move)
        self._drawer.took(step.source, step.units)
        if done:
            self._drawer.learn(step.target, step.units)
        else:
            self._failures += 1
            self._may_move = False

    def unmarked(self) -> None:
        """Ask: the pool is not marked sold out."""
        self._reported(Ask)
        self._asked += 1
        drawer = self._drawer
        few = drawer.shard_count <= SHARDS_PER_LOOK
        chance = 1.0 if few else min(1.0, 4.0**self._asked / 128)
        if drawer.random.random() < chance:
            self._next = Prove()
        else:
            self._next = Pause(drawer.random.uniform(0.5, 1.5) * 0.0001 * drawer.shard_count)
            self._awaits_proof = True

    def paused(self) -> None:
        """The pause is over."""
        self._reported(Pause)
        if self._awaits_proof:
            self._awaits_proof = False
            self._next = Look(self._drawer.unseen(afresh=True))
            self._fruitless = FRUITLESS_LOOKS - 1

    def found(self, levels: Mapping[int, int]) -> None:
        """Prove: units were seen there; nowhere, where it remained open."""
        self._reported(Prove)
        self._failures += 1 if levels else OPEN_PROOF
        self._drawer.learn_all(levels)
        self._fruitless = 0

"""How else stock could be drawn, on the same model: what the policy is measured against.

All retry contention as an SDK does, five times with growing jitter, and then answer "busy".
"""

from __future__ import annotations

from collections.abc import Generator

from tests.benchmarks.clockwork import Process
from tests.benchmarks.dynamo_model import Outcome
from tests.benchmarks.simulation import Drop, Environment

TRIES = 5
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.2
# Other shards that are tried when one is empty.
OTHERS = 10


def one_counter(drop: Drop, environment: Environment) -> Process:
    """One counter, in the claim's transaction."""
    del environment
    outcome = yield from _transact(drop, 0)
    if outcome is not Outcome.WRITTEN:
        drop.answered(busy=outcome is not Outcome.REFUSED)


def random_shards(drop: Drop, environment: Environment) -> Process:
    """A shard at random for each claim, in its transaction; another where that is empty."""
    del environment
    for _ in range(1 + OTHERS):
        outcome = yield from _transact(drop, drop.random.randrange(drop.scenario.shards))
        if outcome is Outcome.WRITTEN:
            return
        if outcome is not Outcome.REFUSED:
            drop.answered(busy=True)
            return
    drop.answered(busy=False)


def compensated_counter(drop: Drop, environment: Environment) -> Process:
    """One counter, written first; then the voucher is put, or the unit is given back.

    A process that dies between the two writes takes the unit with it.
    """
    del environment
    for tried in range(TRIES):
        drop.tally.attempts += 1
        outcome = yield from drop.table.add(0, -1)
        if outcome is not Outcome.THROTTLED:
            break
        yield _pause_s(drop, tried)
    if outcome is not Outcome.WRITTEN:
        drop.answered(busy=outcome is Outcome.THROTTLED)
        return
    if drop.dies():
        drop.tally.lost_units += 1
        return
    put = yield from _put(drop)
    if put is not Outcome.WRITTEN:
        yield from drop.table.add(0, 1)
        drop.answered(busy=True)


def all_knowing(drop: Drop, environment: Environment) -> Process:
    """The fullest shard that nobody is drawing from, known at no cost: no policy does better."""
    del environment
    counters, taken = drop.table.counters, drop.under_way
    while drop.table.left:
        free = (number for number in range(len(counters)) if number not in taken)
        shard = max(free, key=lambda number: counters[number].level, default=None)
        if shard is None or not counters[shard].level:
            yield FIRST_PAUSE_S / 20
            continue
        taken.add(shard)
        outcome = yield from _transact(drop, shard)
        taken.discard(shard)
        if outcome is Outcome.WRITTEN:
            return
    drop.answered(busy=False)


def _transact(drop: Drop, shard: int) -> Generator[float, None, Outcome]:
    outcome = Outcome.CONFLICT
    for tried in range(TRIES):
        drop.tally.attempts += 1
        outcome = yield from drop.table.transact({shard: -1}, vouchers=1)
        if outcome in {Outcome.WRITTEN, Outcome.REFUSED}:
            break
        yield _pause_s(drop, tried)
    return outcome


def _put(drop: Drop) -> Generator[float, None, Outcome]:
    outcome = Outcome.THROTTLED
    for tried in range(TRIES):
        outcome = yield from drop.table.transact({}, vouchers=1)
        if outcome is Outcome.WRITTEN:
            break
        yield _pause_s(drop, tried)
    return outcome


def _pause_s(drop: Drop, tried: int) -> float:
    return drop.random.random() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**tried)

"""The model under `make bench`: it makes no units, refuses what DynamoDB refuses, and it ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from tests.benchmarks.baselines import (
    all_knowing,
    compensated_counter,
    one_counter,
    random_shards,
)
from tests.benchmarks.clockwork import Clockwork
from tests.benchmarks.drops import drop
from tests.benchmarks.dynamo_model import INDEX, ITEM, Ground, Outcome, Table
from tests.benchmarks.simulation import Claim, Drop, Scenario, claim

# A small pool that many run for: empty homes, looks, moves, meetings and the end are all in it.
SMALL = Scenario(shards=40, units=1_600, claims_per_s=500, environments=40)


class Site:
    """A table on its clock."""

    def __init__(self, *levels: int, ground: Ground | None = None) -> None:
        self.clock = Clockwork()
        self.table = Table(self.clock, ground or Ground(), levels)
        self.ended: dict[str, Any] = {}

    def begin(self, name: str, request: Generator[float, None, Any], *, after_s: float = 0) -> None:
        """Sends it, so many seconds from now; its answer comes into `ended`."""

        def process() -> Generator[float, None, None]:
            yield after_s
            self.ended[name] = yield from request

        self.clock.start(process())

    @property
    def levels(self) -> list[int]:
        """What the counters hold."""
        return [counter.level for counter in self.table.counters]


@pytest.mark.parametrize(
    ("after_s", "outcome"),
    [(0.0, Outcome.CONFLICT), (0.005, Outcome.CONFLICT), (0.007, Outcome.WRITTEN)],
)
def test_who_comes_while_an_item_is_held_is_refused_and_charged(
    after_s: float, outcome: Outcome
) -> None:
    """Held from the third millisecond on for w = 6 ms."""
    site = Site(5, 5)
    site.begin("first", site.table.transact({0: -1}, vouchers=1))
    site.begin("second", site.table.transact({0: -1, 1: 1}), after_s=after_s)
    site.clock.run(1)
    assert site.ended == {"first": Outcome.WRITTEN, "second": outcome}
    assert site.table.meter.conflicts == (outcome is Outcome.CONFLICT)
    assert site.table.meter.write_units == (3 * ITEM + INDEX) + 2 * ITEM


def test_a_counter_below_zero_is_refused_whole_and_charged_without_the_index() -> None:
    site = Site(0, 3)
    site.begin("move", site.table.transact({1: -4, 0: 4}))
    site.begin("claim", site.table.transact({0: -1}, vouchers=1), after_s=0.1)
    site.clock.run(1)
    assert site.ended == {"move": Outcome.REFUSED, "claim": Outcome.REFUSED}
    assert site.levels == [0, 3]
    assert site.table.meter.write_units == 2 * ITEM + 3 * ITEM
    assert site.table.sold == 0


def test_what_is_written_shows_only_when_the_item_is_let_go() -> None:
    site = Site(5)
    site.begin("draw", site.table.transact({0: -1}, vouchers=1))
    site.begin("during", site.table.read([0]), after_s=0.005)
    site.begin("after", site.table.read([0]), after_s=0.007)
    site.clock.run(1)
    assert site.ended["during"] == {0: (5, 0)}
    assert site.ended["after"] == {0: (4, 0)}


def test_a_hot_counter_is_throttled_and_that_costs_nothing() -> None:
    site = Site(5, ground=Ground(item_writes=ITEM, table_writes=1_000))
    for number in range(3):
        request = site.table.transact({0: -1}, vouchers=1)
        site.begin(f"at second {0.1 * number}", request, after_s=0.1 * number)
    site.begin("later", site.table.transact({0: -1}, vouchers=1), after_s=2)
    site.clock.run(5)
    assert [outcome for _, outcome in sorted(site.ended.items())] == [
        Outcome.WRITTEN,
        Outcome.THROTTLED,
        Outcome.THROTTLED,
        Outcome.WRITTEN,
    ]
    assert site.table.meter.throttled == 2
    assert site.table.meter.write_units == 2 * (3 * ITEM + INDEX)


def test_a_hot_table_throttles_too() -> None:
    site = Site(5, 5, ground=Ground(table_writes=ITEM + INDEX))
    site.begin("first", site.table.transact({0: -1}, vouchers=1))
    site.begin("second", site.table.transact({1: -1}, vouchers=1))
    site.clock.run(1)
    assert site.ended == {"first": Outcome.WRITTEN, "second": Outcome.THROTTLED}


@pytest.mark.parametrize("held_ms", [3, 15])
@pytest.mark.parametrize("reuse", ["random", "last"])
def test_a_drop_sells_exactly_what_there_is(held_ms: int, reuse: str) -> None:
    ground = Ground(held_s=held_ms / 1_000)
    scenario = Scenario(
        shards=16, units=400, claims_per_s=2_000, environments=40, reuse=reuse, ground=ground
    )
    played = Drop(scenario, claim)
    result = played.run()
    assert result["is_sold_out"]
    assert played.table.sold == 400
    assert played.table.left == 0
    assert (result["oversold"], result["unsold"], result["early_refusals"]) == (0, 0, 0)


def test_no_unit_is_made_or_lost_at_any_moment() -> None:
    """Units and vouchers together are what there was, whatever is under way."""
    played = Drop(SMALL, claim)
    played.clock.start(played._arrivals())
    for millisecond in range(1, 4_000):
        played.clock.run(millisecond / 1_000)
        levels = [counter.level for counter in played.table.counters]
        assert min(levels) >= 0
        assert sum(levels) + played.table.sold == SMALL.units
    assert played.table.sold == SMALL.units
    assert played.tally.moves > 0


def test_processes_that_die_lose_no_unit_of_the_policy_but_one_of_the_compensated_counter() -> None:
    dying = Scenario(shards=16, units=400, claims_per_s=2_000, environments=40, deaths=0.05)
    assert Drop(dying, claim).run()["unsold"] == 0
    alone = Scenario(shards=1, units=400, claims_per_s=500, environments=40, deaths=0.05)
    lost = Drop(alone, compensated_counter).run()
    assert lost["unsold"] > 0
    assert lost["oversold"] == 0


def test_who_knows_everything_sells_at_once_and_wastes_nothing() -> None:
    played = Drop(SMALL, all_knowing)
    result = played.run()
    assert result["wasted_attempts"] == 0
    assert played.table.left == 0
    assert result["sell_out_ratio"] <= Drop(SMALL, claim).run()["sell_out_ratio"]


@pytest.mark.parametrize("drawn_by", [claim, one_counter, random_shards, compensated_counter])
def test_a_drop_that_goes_nowhere_is_cut_short(drawn_by: Claim) -> None:
    slow = Ground(table_writes=20)
    scenario = Scenario(
        shards=2, units=400, claims_per_s=2_000, environments=40, ground=slow, longest=2
    )
    result = Drop(scenario, drawn_by).run()
    assert not result["is_sold_out"]
    assert result["sell_out_ratio"] > 2
    assert result["throttled"] > 0


def test_the_same_seed_is_the_same_drop_and_another_is_not() -> None:
    once, again = Drop(SMALL, claim).run(), Drop(SMALL, claim).run()
    assert once == again
    assert Drop(replace(SMALL, seed=2), claim).run() != once


def test_a_drop_has_the_shards_that_its_pool_would_get() -> None:
    assert drop(100_000, 10_000).shards == 1_000
    assert drop(100_000, 10_000, shards=64).shards == 64

"""The drops that are simulated: what the figures are read from, the grid, and the baselines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from functions.shared.domain.funds import shard_count_for
from tests.benchmarks.baselines import (
    all_knowing,
    compensated_counter,
    one_counter,
    random_shards,
)
from tests.benchmarks.dynamo_model import Ground
from tests.benchmarks.simulation import Claim, Drop, Scenario, claim

CLAIMS: dict[str, Claim] = {
    "policy": claim,
    "one counter": one_counter,
    "random shards": random_shards,
    "compensated counter": compensated_counter,
    "all-knowing": all_knowing,
}
SHARDS = (64, 128, 256, 512, 1_000, 2_048)
HELD_MS = (3, 6, 15)
RATES = (1_000, 10_000, 50_000)
STOCKS = (1_000, 100_000, 500_000)
# Lambda's default quota of processes at once, in an account.
ENVIRONMENTS = 1_000
# The default quota of a table, and what 50,000 claims/s need of it.
TABLE_WRITES = 40_000
RAISED_TABLE_WRITES = 250_000
DEATHS = 0.0001
GRID, MAIN, BASELINE = "grid", "main", "baseline"


@dataclass(frozen=True, slots=True)
class Task:
    """A scenario to play: in which section, under which name, and how it draws."""

    section: str
    name: str
    scenario: Scenario
    claim: str = "policy"


def drop(units: int, claims_per_s: int, *, held_ms: int = 6, shards: int | None = None) -> Scenario:
    """A drop with as many shards as its pool would get, unless others are asked for."""
    # A transaction of three items is seen to take 12 ms or more, of which the items are held w.
    ground = Ground(
        held_s=held_ms / 1_000,
        table_writes=RAISED_TABLE_WRITES if claims_per_s > TABLE_WRITES / 4 else TABLE_WRITES,
    )
    return Scenario(
        shards=shards or shard_count_for(units, claims_per_s),
        units=units,
        claims_per_s=claims_per_s,
        environments=ENVIRONMENTS,
        ground=ground,
    )


def main_tasks() -> Iterator[Task]:
    """What the figures are read from, and how they fare under other assumptions."""
    usual = drop(100_000, 10_000)
    fast = drop(100_000, 50_000)
    for name, scenario in (
        ("10,000/s", usual),
        ("50,000/s", fast),
        ("w = 3 ms", drop(100_000, 10_000, held_ms=3)),
        ("w = 15 ms", drop(100_000, 10_000, held_ms=15)),
        ("1,000 units", drop(1_000, 10_000)),
        ("500,000 units", drop(500_000, 10_000)),
        ("1,000/s", drop(100_000, 1_000)),
        ("last free first", replace(usual, reuse="last")),
        ("5,000 processes", replace(usual, environments=5_000)),
        ("50,000/s, 2,000 processes", replace(fast, environments=2_000)),
        ("50,000/s, default quota", replace(fast, ground=Ground(table_writes=TABLE_WRITES))),
        ("processes die", replace(usual, deaths=DEATHS)),
        ("seed 2", replace(usual, seed=2)),
        ("seed 3", replace(usual, seed=3)),
    ):
        yield Task(MAIN, name, scenario)


def baseline_tasks() -> Iterator[Task]:
    """Others on the same drop, cut short where they would take minutes of simulated time."""
    usual = replace(drop(100_000, 10_000), deaths=DEATHS, longest=1.5)
    for name, shards in (("one counter", 1), ("random shards", 1_000), ("compensated counter", 1)):
        yield Task(BASELINE, name, replace(usual, shards=shards), name)
    for rate in (10_000, 50_000):
        yield Task(BASELINE, f"all-knowing, {rate:,}/s", drop(100_000, rate), "all-knowing")
    for shards in SHARDS:
        scenario = replace(usual, shards=shards, deaths=0)
        yield Task(BASELINE, f"random shards, {shards:,}", scenario, "random shards")


def grid_tasks() -> Iterator[Task]:
    """Every number of shards, window, rate and stock; cut short where hopeless."""
    for units in STOCKS:
        for rate in RATES:
            for held_ms in HELD_MS:
                for shards in SHARDS:
                    scenario = drop(units, rate, held_ms=held_ms, shards=shards)
                    name = f"{units:,} units, {rate:,}/s, w {held_ms} ms, {shards:,} shards"
                    yield Task(GRID, name, replace(scenario, longest=1.5, most_calls=2.5))


def play(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Their results in their order, played on all processors; tells on stderr how far it is."""
    # The long ones first, or one processor would play the last of them alone.
    order = sorted(range(len(tasks)), key=lambda number: -tasks[number].scenario.units)
    results: dict[int, dict[str, Any]] = {}
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for number, result in zip(order, pool.map(_play, [tasks[n] for n in order]), strict=True):
            results[number] = result
            sys.stderr.write(f"\r{len(results)} of {len(tasks)} drops ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    return [results[number] for number in range(len(tasks))]


def _play(task: Task) -> dict[str, Any]:
    result = Drop(task.scenario, CLAIMS[task.claim]).run()
    return {"section": task.section, "scenario": task.name, "drawn_by": task.claim, **result}

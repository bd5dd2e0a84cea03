"""Sell-out time and wasted attempts against the number of shards, as one SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.benchmarks.drops import GRID, HELD_MS, SHARDS
from tests.benchmarks.figures import Result

UNITS, RATE = 100_000, 10_000
PANELS = (
    ("sell_out_ratio", "time to sell out / ideal", 1.0),
    ("wasted_attempts", "wasted attempts per sale", 0.0),
)


def draw(results: Sequence[Result], path: Path) -> None:
    """Draws the grid's drops of 100,000 units at 10,000/s, and random shards beside them."""
    # The same results give the same bytes.
    mpl.rcParams["svg.hashsalt"] = "huimin"
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    for axes, (field, label, ideal) in zip(figure.subplots(1, 2), PANELS, strict=True):
        for held_ms in HELD_MS:
            axes.plot(
                SHARDS, _ours(results, held_ms, field), "o-", label=f"policy, w = {held_ms} ms"
            )
        axes.plot(
            SHARDS, _random(results, field), "s--", color="gray", label="random shards, w = 6 ms"
        )
        axes.axhline(ideal, color="black", linewidth=0.8)
        axes.set_xscale("log", base=2)
        axes.set_xticks(SHARDS, [f"{shards:,}" for shards in SHARDS])
        if ideal:
            axes.set_ylim(0.98, 2.0)
        else:
            axes.set_yscale("symlog", linthresh=0.1)
            axes.set_ylim(0, 20)
            axes.set_yticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
        axes.set_xlabel("shards")
        axes.set_ylabel(label)
        axes.legend(frameon=False)
    figure.suptitle("100,000 units at 10,000 claims/s, 1,000 processes (simulated)")
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _ours(results: Sequence[Result], held_ms: int, field: str) -> list[Any]:
    found = {
        result["shards"]: result[field]
        for result in results
        if result["section"] == GRID
        and (result["units"], result["claims_per_s"]) == (UNITS, RATE)
        and round(result["ground"]["held_s"] * 1_000) == held_ms
    }
    return [found[shards] for shards in SHARDS]


def _random(results: Sequence[Result], field: str) -> list[Any]:
    found = {
        result["shards"]: result[field]
        for result in results
        if result["drawn_by"] == "random shards" and not result["deaths"]
    }
    return [found[shards] for shards in SHARDS]

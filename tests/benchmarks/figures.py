"""The figures to reach, read from what was played and measured; and how they are printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.drops import BASELINE, GRID, MAIN

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its bound.

    Args:
        name: what it says.
        value: what came out.
        bound: the most it may be.

    """

    name: str
    value: float
    bound: float

    @property
    def is_met(self) -> bool:
        """Whether it is within its bound."""
        return self.value <= self.bound


def figures(results: Sequence[Result]) -> Iterator[Figure]:
    """Those of the drops, from the results of the section MAIN and the grid."""
    by_name = {result["scenario"]: result for result in results if result["section"] == MAIN}
    usual = by_name["10,000/s"]
    ours = [result for result in results if result["section"] != BASELINE]
    yield Figure("units oversold, in any drop", max(r["oversold"] for r in ours), 0)
    yield Figure("units lost, in any drop", max(r["unsold"] for r in ours), 0)
    for name, scenario, bound in (
        ("100,000 at 10,000/s", "10,000/s", 1.01),
        ("100,000 at 50,000/s", "50,000/s", 1.01),
        ("100,000 at 10,000/s, w = 15 ms", "w = 15 ms", 1.01),
        ("1,000 at 10,000/s", "1,000 units", 1.2),
    ):
        yield Figure(f"sell-out time / ideal, {name}", by_name[scenario]["sell_out_ratio"], bound)
    yield Figure("wasted attempts", usual["wasted_attempts"], 0.07)
    yield Figure("wasted attempts, w = 15 ms", by_name["w = 15 ms"]["wasted_attempts"], 0.12)
    yield Figure("early refusals", usual["early_refusals"], 0.0001)
    yield Figure("write units per claim", usual["write_units_per_claim"], 7.5)
    yield Figure("DynamoDB calls per claim", usual["calls_per_claim"], 1.1)


def print_drops(console: Console, results: Sequence[Result]) -> None:
    """The drops of the main section and the baselines, and the grid in short."""
    for section in (MAIN, BASELINE):
        table = Table(title=section, title_justify="left")
        table.add_column("drop")
        for name in ("shards", "T / ideal", "waste", "WU", "calls", "early", "oversold", "lost"):
            table.add_column(name, justify="right")
        for result in results:
            if result["section"] == section:
                table.add_row(*_cells(result))
        console.print(table)
    grid = [result for result in results if result["section"] == GRID]
    if grid:
        _print_grid(console, grid)


def _print_grid(console: Console, grid: Sequence[Result]) -> None:
    """Sell-out ratio and wasted attempts of every number of shards, a row a stock, rate and w."""
    sold_out = sum(result["is_sold_out"] for result in grid)
    table = Table(
        title=f"T / ideal, waste: {len(grid)} drops, {sold_out} played to their end",
        title_justify="left",
    )
    shards = sorted({result["shards"] for result in grid})
    for name in ("units", "claims/s", "w", *(f"{count:,}" for count in shards)):
        table.add_column(name, justify="right")
    rows: dict[tuple[int, int, float], dict[int, str]] = {}
    for result in grid:
        key = (result["units"], result["claims_per_s"], result["ground"]["held_s"])
        cut_short = "" if result["is_sold_out"] else "~"
        cell = f"{cut_short}{result['sell_out_ratio']:.3f} {result['wasted_attempts']:.2f}"
        rows.setdefault(key, {})[result["shards"]] = cell
    for (units, rate, held_s), cells in rows.items():
        facts = (f"{units:,}", f"{rate:,}", f"{held_s * 1_000:g}")
        table.add_row(*facts, *(cells[count] for count in shards))
    console.print(table)


def _cells(result: Result) -> Iterator[str]:
    yield result["scenario"]
    yield f"{result['shards']:,}"
    yield f"{'' if result['is_sold_out'] else '~'}{result['sell_out_ratio']:.4f}"
    yield f"{result['wasted_attempts']:.3f}"
    yield f"{result['write_units_per_claim']:.2f}"
    yield f"{result['calls_per_claim']:.3f}"
    yield f"{result['early_refusals']:.6f}"
    yield f"{result['oversold']:,}"
    yield f"{result['unsold']:,}"


def print_figures(console: Console, found: Sequence[Figure]) -> None:
    """Each figure with its bound, and PASS or MISS."""
    table = Table(title="figures", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("at most", justify="right")
    table.add_column("")
    for figure in found:
        table.add_row(
            figure.name,
            f"{figure.value:g}",
            f"{figure.bound:g}",
            "PASS" if figure.is_met else "MISS",
        )
    console.print(table)

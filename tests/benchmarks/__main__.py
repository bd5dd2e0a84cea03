"""`make bench`: simulated drops beside baselines, and what the code costs on this machine.

    python -m tests.benchmarks [--quick] [--picture docs/performance.svg]

Writes build/bench.json: one object a drop, and one a measurement. Ends with 1 if a figure is
missed, so that a script can tell.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.packaged_node import use_packaged_node
from tests.benchmarks.audits import measure as measure_audit
from tests.benchmarks.claims import capacity, processor_time
from tests.benchmarks.days import measure
from tests.benchmarks.drops import baseline_tasks, grid_tasks, main_tasks, play
from tests.benchmarks.figures import Figure, figures, print_drops, print_figures
from tests.benchmarks.large_days import measure as measure_pieces
from tests.benchmarks.picture import draw
from tests.benchmarks.recounts import measure as measure_recount
from tests.benchmarks.tills import till_times

OUT = Path("build/bench.json")


def main() -> int:
    """Plays, measures, prints, writes."""
    asked = _arguments()
    console = Console(width=110)
    if asked.large:
        found, _ = play_large(asked.quick)
        print_figures(console, found)
        return 0 if all(figure.is_met for figure in found) else 1
    tasks = [*main_tasks(), *baseline_tasks()]
    if not asked.quick:
        tasks += grid_tasks()
    results = play(tasks)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        units = capacity(at / "engine.log")
        claim = processor_time(at / "engine.log", 30 if asked.quick else 200)
        tills = till_times(at / "engine.log", 30 if asked.quick else 100)
        use_packaged_node()
        # Only now: jsii starts Node while CDK is being imported.
        from tests.benchmarks.cold_import import cold_import  # noqa: PLC0415

        (at / "bundle").mkdir()
        cold = cold_import(at / "bundle", 5 if asked.quick else 25)
    large, measured_large = play_large(asked.quick)
    found = [
        *figures(results),
        Figure("processor time of a warm claim / bare transaction", claim["ratio"], 2.0),
        *(
            Figure(f"processor time of a warm {name} / the same requests bare", row["ratio"], 2.0)
            for name, row in tills.items()
        ),
        Figure("DynamoDB calls of a warm redeem", tills["redeem"]["calls"], 2),
        Figure("import of the issue function / bare client", cold["ratio"], 1.6),
        *large,
    ]
    print_drops(console, results)
    for row in units:
        reported = row["reported"] or "not reported"
        console.print(f"capacity, {row['request']}: counted {row['modelled']}, engine {reported}")
    console.print(f"warm claim: {claim}\ncold import: {cold}")
    for name, row in tills.items():
        console.print(f"warm {name}: {row}")
    print_figures(console, found)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    measured = {"machine": machine, "capacity": units, "warm_claim": claim, "cold_import": cold}
    measured |= {f"warm_{name}": row for name, row in tills.items()}
    measured |= measured_large
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([*results, {"section": "measured", **measured}], indent=1) + "\n")
    console.print(f"{OUT} is written")
    if asked.picture:
        draw(results, asked.picture)
    return 0 if all(figure.is_met for figure in found) else 1


def play_large(quick: bool) -> tuple[list[Figure], dict[str, Any]]:  # noqa: FBT001 - as asked
    """Days, pieces, an audit and a recount by the million: figures, and what was measured."""
    by = 10 if quick else 1
    small, large = (measure(rows // by) for rows in (100_000, 1_000_000))
    few, many = (measure_recount(vouchers // by) for vouchers in (100_000, 1_000_000))
    pieces, audit = measure_pieces(4_000_000 // by), measure_audit(1_000_000 // by)
    found = [
        Figure("peak memory of a day of a million rows, MB", large["reconcile_peak_mb"], 1_000),
        Figure("peak memory of a piece of four million, MB", pieces["peak_mb"], 1_000),
        Figure("minutes to verify a campaign of a million entries", audit["audit_s"] / 60, 10),
        Figure(
            "time a row, day of a million rows / of a hundred thousand",
            small["reconcile_rows_per_s"] / large["reconcile_rows_per_s"],
            1.25,
        ),
        Figure("bytes a voucher of a recount of a million", many["bytes_per_voucher"], 2_000),
        Figure(
            "time a voucher, recount of a million / of a hundred thousand",
            many["us_per_voucher"] / few["us_per_voucher"],
            1.25,
        ),
        Figure(
            "100,000 / rows a second of a day of a million rows",
            round(100_000 / large["reconcile_rows_per_s"], 3),
            1.0,
        ),
    ]
    measured = {"day": large, "day_small": small, "pieces": pieces, "audit": audit}
    measured |= {"recount": many, "recount_small": few}
    for name, row in measured.items():
        print(f"{name}: {row}")  # noqa: T201 - what a run says
    return found, measured


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="without the grid, few measurements")
    parser.add_argument("--large", action="store_true", help="only what goes by the million")
    parser.add_argument("--picture", type=Path, help="draw the grid into this SVG file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Cold start: importing the issue function, against making a bare botocore DynamoDB client.

Both from the bundle that ships, built for this machine's Python, with its bytecode; each time in a
new process, in turns.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

from infra.bundle import BundleTarget, build_bundle
from tests.support.deployment import REGION

_TIMED = """
import sys, time
sys.path.insert(0, sys.argv[1])
begun = time.process_time_ns()
{}
print(time.process_time_ns() - begun)
"""
ISSUE = _TIMED.format("import functions.issue.handler")
READY = _TIMED.format("import functions.issue.handler as issue; issue._database().client")
BARE = _TIMED.format(
    "import botocore.session\n"
    f"botocore.session.get_session().create_client('dynamodb', region_name='{REGION}')"
)


def cold_import(bundle: Path, times: int) -> dict[str, float]:
    """Milliseconds of processor time of each, and their ratio: the median of the turns'.

    Args:
        bundle: an empty folder.
        times: how many turns are made.

    """
    build_bundle(bundle, BundleTarget(sys.executable))
    turns = [[_ms(script, bundle) for script in (ISSUE, READY, BARE)] for _ in range(times)]
    ratios = [issue / bare for issue, _, bare in turns]
    return {
        "issue_ms": round(median(issue for issue, _, _ in turns)),
        "issue_with_client_ms": round(median(ready for _, ready, _ in turns)),
        "bare_ms": round(median(bare for _, _, bare in turns)),
        "ratio": round(median(ratios), 3),
        "ratio_with_client": round(median(ready / bare for _, ready, bare in turns), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
    }


def _ms(script: str, bundle: Path) -> float:
    # Without the site module, which would look at this environment's own packages.
    finished = subprocess.run(  # noqa: S603 - an interpreter of this machine, fixed arguments
        [sys.executable, "-I", "-S", "-c", script, str(bundle)],
        capture_output=True,
        text=True,
        check=True,
        env={"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
    )
    return int(finished.stdout) / 1e6

"""`make synth`: the template and the asset that ships, made anew in `cdk.out`.

What the app alone does not do: it clears what earlier runs left, and says what was made. CDK's
command line goes through `infra.app` directly.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from infra.app import REPOSITORY, STACK_NAME, main

# Lambda takes 250 MB unzipped; half of it leaves room for a library of the reports.
LARGEST_ASSET_BYTES = 125_000_000


def _bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run() -> None:
    """Synthesizes; raises SystemExit when the asset has grown too large."""
    # Always here, never where CDK_OUTDIR points: the folder is removed first.
    output = REPOSITORY / "cdk.out"
    os.environ["CDK_OUTDIR"] = str(output)
    shutil.rmtree(output, ignore_errors=True)
    main()
    template = output / f"{STACK_NAME}.template.json"
    resources = json.loads(template.read_text())["Resources"]
    print(f"synth: {template}: {len(resources)} resources")  # noqa: T201 - a command
    for asset in sorted(output.glob("asset.*")):
        size = _bytes_under(asset)
        print(f"synth: {asset.name[:18]}...: {size / 1e6:.1f} MB")  # noqa: T201 - a command
        if size > LARGEST_ASSET_BYTES:
            raise SystemExit(f"synth: the asset is over {LARGEST_ASSET_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    run()

"""A measurement in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def measured(module: str, count: int) -> dict[str, Any]:
    """What `python -m module count` says, which is one JSON object."""
    finished = subprocess.run(  # noqa: S603 - this interpreter, a module of our own
        [sys.executable, "-m", module, str(count)], capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer

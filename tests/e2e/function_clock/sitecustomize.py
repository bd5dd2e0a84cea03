"""Sets the clock of the deployed functions, which are shipped and deployed without it.

The emulator's PYTHONPATH names this folder, and every process of a function inherits it, so
Python imports this module before anything else there. Once the functions' own clock is imported,
its source becomes the machine's time plus the seconds that the file HUIMIN_TEST_CLOCK holds. Only
that clock moves: signatures and certificates keep the machine's time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

CLOCK = "functions.shared.edge.clock"


def _ahead() -> timedelta:
    file = Path(os.environ["HUIMIN_TEST_CLOCK"])
    return timedelta(seconds=float(file.read_text()) if file.exists() else 0)


class _ClockFinder(MetaPathFinder):
    """Finds the clock where it is, and sets it as soon as it has been executed."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The clock's spec; None for every other module."""
        if fullname != CLOCK:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_set(module: ModuleType) -> None:
            execute(module)

            def shifted() -> datetime:
                instant: datetime = module.system_time()
                return instant + _ahead()

            module.set_source(shifted)

        spec.loader.exec_module = execute_and_set  # type: ignore[method-assign] # this one loader only
        return spec


if "HUIMIN_TEST_CLOCK" in os.environ:
    sys.meta_path.insert(0, _ClockFinder())

"""Simulated time: processes that wait, woken in order. No real clock is read."""

from __future__ import annotations

import heapq
from collections.abc import Generator
from typing import Any

Process = Generator[float, None, Any]
"""Yields the seconds it waits; what it returns is its caller's."""


class Clockwork:
    """Runs processes in simulated seconds; those due at one moment run in the order they came."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Process]] = []
        self._started = 0

    def start(self, process: Process) -> None:
        """Begins a process now."""
        self._started += 1
        heapq.heappush(self._due, (self.now, self._started, process))

    @property
    def is_idle(self) -> bool:
        """Whether no process waits any more."""
        return not self._due

    def run(self, until: float) -> None:
        """Wakes processes until none is left or that time has come."""
        due = self._due
        while due and due[0][0] <= until:
            self.now, number, process = heapq.heappop(due)
            for wait_s in process:
                if wait_s:
                    heapq.heappush(due, (self.now + wait_s, number, process))
                    break
        self.now = max(self.now, until)

"""Days and bills that are too large for one function: given to a state machine, and asked after.

    too large ──> execution {platform}_{date}_v{newest bill}_1 ──> SUCCEEDED: the day is settled
                        └──> FAILED ──> ..._2 ──> ... ──> ..._TRIES ──> a fault: somebody must look

The names of executions are all that is remembered: one for each newest bill and try, so that
runs that meet start one execution, and a corrected bill starts another. An execution that was
mended by hand and redriven counts like any other.

A bill's execution is named after its object and version: it is taken in once, whoever announces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from functions.reconcile.bill_steps import BillTask
from functions.reconcile.day_plan import Day, DayFault
from functions.reconcile.day_task import Task
from functions.shared.domain.ids import content_hash
from functions.shared.store.executions import ExecutionState, ExecutionStore
from functions.shared.store.objects import ObjectFacts

TRIES: Final = 3
"""How many executions are started for a day and newest bill; each repeats its steps by itself."""


class ExecutionsFailed(DayFault):
    """The state machine has failed TRIES times; its executions say at what."""


@dataclass(frozen=True, slots=True)
class LargeDays:
    """How days that one function cannot take are done.

    Args:
        executions: of the state machine.
        most: how many entries, or bill rows, one function takes.
        most_bytes: how large a bill, or a chunk of a larger one, one function reads.

    """

    executions: ExecutionStore
    most: int
    most_bytes: int

    def take_in(self, object_key: str, facts: ObjectFacts, now: datetime) -> str:
        """Has a bill taken in that is announced now, unless it is or was; the execution's name."""
        content = {"object_key": object_key, "object_version": facts.version}
        name = f"bill_{content_hash(content)[:32]}"
        task = BillTask(
            object_key,
            facts.version,
            facts.size,
            chunk_bytes=self.most_bytes,
            run=name,
            announced_at=now,
        )
        self.executions.start(name, task.to_document())
        return name

    def state(self, day: Day) -> ExecutionState | None:
        """How far the day is; None where it was not begun, FAILED where another try is due.

        Raises:
            ExecutionsFailed: no further one is.

        """
        return self._newest(day)[1]

    def begin(self, day: Day, campaign_ids: Sequence[str]) -> ExecutionState:
        """Has the day done, unless it is or is being done.

        Args:
            day: which is over.
            campaign_ids: those that can have entries on it.

        Raises:
            ExecutionsFailed: see there.

        """
        number, state = self._newest(day)
        if state in (ExecutionState.RUNNING, ExecutionState.SUCCEEDED):
            return state
        name = _name(day, number + 1)
        task = Task(day.platform_id, day.on, tuple(campaign_ids), run=name)
        self.executions.start(name, task.to_document())
        return ExecutionState.RUNNING

    def _newest(self, day: Day) -> tuple[int, ExecutionState | None]:
        """The number of the last execution that there is, 0 for none, and how it stands."""
        state: ExecutionState | None = None
        for number in range(1, TRIES + 1):
            found = self.executions.state(_name(day, number))
            if found is None:
                return number - 1, state
            if found is not ExecutionState.FAILED:
                return number, found
            state = found
        raise ExecutionsFailed(f"{_name(day, TRIES)} has failed, and those before it")


def _name(day: Day, number: int) -> str:
    return f"{day.platform_id}_{day.on:%Y%m%d}_v{day.newest}_{number}"

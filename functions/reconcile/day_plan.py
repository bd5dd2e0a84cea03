"""A platform's day as a run finds it: its bills, and the sets of files still to be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from functions.reconcile.statement_files import set_prefix
from functions.shared.domain.bills import BillVersion, accepted_of
from functions.shared.domain.settlement import Statement
from functions.shared.files.manifest import FILE_NAME
from functions.shared.store.bills import BillsMoved, BillStore
from functions.shared.store.objects import ObjectStore


class Step(StrEnum):
    """What a function does of a large bill or a large day."""

    SPLIT = "SPLIT"
    DEAL = "DEAL"

    CHECK = "CHECK"
    RECORD = "RECORD"

    PLAN = "PLAN"
    MATCH = "MATCH"
    STATE = "STATE"
    PUBLISH = "PUBLISH"
    FINISH = "FINISH"


class DayFault(Exception):
    """What is stored for a day contradicts itself: somebody must look.

    It stands outside the tree of API errors: nobody's call fails, a run does.
    """


@dataclass(frozen=True, slots=True)
class Day:
    """A platform's day, and its bill's versions as they were when a run began.

    Args:
        platform_id: whose day.
        on: the business date.
        versions: of its bill, by number from 1.

    """

    platform_id: str
    on: date
    versions: tuple[BillVersion, ...]

    @classmethod
    def seen(
        cls, bills: BillStore, platform_id: str, on: date, *, newest: int | None = None
    ) -> Day:
        """The day as it is now.

        Args:
            bills: the versions.
            platform_id: whose day.
            on: the business date.
            newest: the newest version that an earlier step of the run saw; None for the first step.

        Raises:
            BillsMoved: there is another one.

        """
        day = cls(platform_id, on, tuple(bills.versions(platform_id, on)))
        if newest is not None and day.newest != newest:
            raise BillsMoved
        return day

    @property
    def newest(self) -> int:
        """The newest version, of any state; 0 for none."""
        return len(self.versions)

    @property
    def accepted(self) -> BillVersion | None:
        """The bill that counts."""
        return accepted_of(self.versions)

    @property
    def version(self) -> int:
        """Of the bill that counts; 0 for none."""
        return self.accepted.version if self.accepted else 0

    def bill(self, version: int) -> BillVersion | None:
        """A version; None for 0."""
        return self.versions[version - 1] if version else None

    def prefix(self, campaign_id: str, number: int) -> str:
        """The folder of a set of files, with its final slash."""
        return set_prefix(campaign_id, self.platform_id, self.on, number)


@dataclass(frozen=True, slots=True)
class SetPlan:
    """A set of files that is not there yet.

    Args:
        campaign_id: whose.
        number: counts the sets of the statement from 1.
        version: of the bill that it shows; 0 for none.
        before: of the bill that the set before shows, 0 for none; None where it is the first set.

    """

    campaign_id: str
    number: int
    version: int
    before: int | None


def plans_of(
    day: Day, campaign_id: str, stored: Statement | None, objects: ObjectStore
) -> Iterator[SetPlan]:
    """A campaign's sets that have no manifest yet, if it has any set at all.

    Args:
        day: whose.
        campaign_id: the campaign.
        stored: its statement, where there is one.
        objects: the files.

    """
    first = stored.bill_version if stored else day.version
    # The first set shows the bill that the statement was made with, each later one a bill that
    # came afterwards.
    shown = [first, *(b.version for b in day.versions if b.was_accepted and b.version > first)]
    for number, version in enumerate(shown, 1):
        if stored is None or objects.get(day.prefix(campaign_id, number) + FILE_NAME) is None:
            yield SetPlan(campaign_id, number, version, shown[number - 2] if number > 1 else None)

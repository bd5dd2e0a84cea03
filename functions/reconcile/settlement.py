"""Settling all days that are due, oldest first: which they are, and what became of them.

    day over + 30 min ──bill accepted, or 02:00 passed──> settled (functions.reconcile.day)

A bill that comes after its day was settled changes no money. It opens and closes breaks and adds a
set of files beside the ones before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from functions.reconcile.day import (
    DayOutcome,
    DayResult,
    DayTooLarge,
    SettlementStores,
    settle_once,
)
from functions.reconcile.day_plan import Day, DayFault
from functions.reconcile.large_days import LargeDays
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.settlement import (
    StatementDrift,
    entry_range,
    latest_day_over,
    settlement_range,
)
from functions.shared.store.bills import BillsMoved
from functions.shared.store.executions import ExecutionState
from functions.shared.store.settlements import SettlementStore

DAYS_PER_RUN: Final = 100
"""The most days of platforms that one run takes; the next run goes on from there."""

LATE_BILLS: Final = timedelta(days=45)
"""How far back a run looks for accepted bills whose announcement was lost on the way."""

# A newer bill can come in while its day is being done; each try sees one more.
DAY_TRIES: Final = 5

_SETTLED_STATES: Final = frozenset(
    {CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.CLOSED}
)


class SettlementFailed(Exception):
    """Some days could not be settled; all others were.

    Args:
        faults: the days and why.

    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Fault:
    """A day that a run could not settle."""

    platform_id: str
    business_on: date
    error: DayFault | StatementDrift

    def __str__(self) -> str:
        kind = type(self.error).__name__
        return f"{kind} {self.platform_id} {self.business_on}: {self.error}"


@dataclass(frozen=True, slots=True)
class SettlementRun:
    """What a run did; `is_complete` says that no due day was left for the next run."""

    days: tuple[DayOutcome, ...]
    faults: tuple[Fault, ...]
    is_complete: bool

    def require_sound(self) -> None:
        """Passes when every day went well.

        Raises:
            SettlementFailed: otherwise; the other days are settled.

        """
        if self.faults:
            raise SettlementFailed(self.faults)


def settle_due(
    campaigns: Iterable[CampaignRecord],
    *,
    stores: SettlementStores,
    now: datetime,
    large: LargeDays | None = None,
) -> SettlementRun:
    """Settles every day that is over and not done, oldest first, and files corrected bills.

    Cheap where nothing is due: one read a campaign and one query a platform. A faulty day is
    reported and tried again by every run; it holds no other day up.

    Args:
        campaigns: all campaigns; those without money out are passed over.
        stores: bills, breaks, ledger, objects, settlements and vouchers.
        now: the time of the run.
        large: does days that are too large; None where none is.

    Raises:
        Busy: throttled, or contention outlasted the retries; what is done stays done.

    """
    running = [record for record in campaigns if record.state in _SETTLED_STATES]
    work = _Work.due(running, stores, now)
    days: list[DayOutcome] = []
    faults: list[Fault] = []
    for on, platform_id in work.days[:DAYS_PER_RUN]:
        try:
            days.append(_settle(platform_id, on, running, stores, now, large))
        except (DayFault, StatementDrift) as error:
            faults.append(Fault(platform_id, on, error))
    work.advance(days, stores.settlements, now)
    return SettlementRun(tuple(days), tuple(faults), len(work.days) <= DAYS_PER_RUN)


def settle_day(
    platform_id: str,
    business_on: date,
    campaigns: Iterable[CampaignRecord],
    *,
    stores: SettlementStores,
    now: datetime,
    large: LargeDays | None = None,
) -> DayOutcome:
    """Settles one platform's day, or files its corrected bill; WAITING where it is too early.

    Raises:
        DayFault: see its kinds.
        StatementDrift: the ledger does not give the stored statement again.
        Busy: throttled, or contention outlasted the retries.

    """
    running = [record for record in campaigns if record.state in _SETTLED_STATES]
    if business_on > latest_day_over(now):
        return DayOutcome(platform_id, business_on, DayResult.WAITING)
    return _settle(platform_id, business_on, running, stores, now, large)


def unsettled_days(record: CampaignRecord, settlements: SettlementStore) -> list[date]:
    """The campaign's business dates that are not yet settled on all platforms, in order.

    Empty once the last day of its refund window is done: then all its money is settled, but for
    late refunds.
    """
    first, _ = _open_range(record, settlements)
    return list(_dates(first, settlement_range(record.campaign)[1]))


@dataclass(frozen=True, slots=True)
class _Work:
    """The days that are due, and from where each campaign's bookmark would move on."""

    days: list[tuple[date, str]]
    spans: list[tuple[CampaignRecord, date, date]]

    @classmethod
    def due(
        cls, records: Sequence[CampaignRecord], stores: SettlementStores, now: datetime
    ) -> _Work:
        over = latest_day_over(now)
        days: set[tuple[date, str]] = set()
        spans = []
        for record in records:
            first, last = _open_range(record, stores.settlements)
            last = min(last, over)
            if first <= last:
                spans.append((record, first, last))
                platform_ids = record.campaign.platform_ids
                days.update((on, p) for on in _dates(first, last) for p in platform_ids)
        platforms = {p for record in records for p in record.campaign.platform_ids}
        for platform_id in platforms:
            for bill in stores.bills.unreconciled(platform_id, since=over - LATE_BILLS):
                if bill.business_on <= over:
                    days.add((bill.business_on, platform_id))
        return cls(sorted(days), spans)

    def advance(
        self, outcomes: Iterable[DayOutcome], settlements: SettlementStore, now: datetime
    ) -> None:
        """Moves each campaign's bookmark over the days that are done on all its platforms."""
        done = {
            (outcome.business_on, outcome.platform_id)
            for outcome in outcomes
            if outcome.result not in (DayResult.WAITING, DayResult.SPLIT)
        }
        for record, first, last in self.spans:
            campaign, through = record.campaign, None
            for on in _dates(first, last):
                if not all((on, platform_id) in done for platform_id in campaign.platform_ids):
                    break
                through = on
            if through is not None:
                settlements.advance(campaign.campaign_id, through, now=now)


def _open_range(record: CampaignRecord, settlements: SettlementStore) -> tuple[date, date]:
    """The dates after the campaign's bookmark, first and last; first > last when all are done."""
    first, last = entry_range(record.campaign)
    done = settlements.settled_through(record.campaign.campaign_id)
    return done + timedelta(days=1) if done else first, last


def _dates(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _settle(
    platform_id: str,
    on: date,
    records: Sequence[CampaignRecord],
    stores: SettlementStores,
    now: datetime,
    large: LargeDays | None,
) -> DayOutcome:
    campaign_ids = [r.campaign.campaign_id for r in records if _takes_part(r, platform_id, on)]
    for _ in range(DAY_TRIES):
        if large is not None:
            split = _split(Day.seen(stores.bills, platform_id, on), campaign_ids, large)
            if split is not None:
                return split
        try:
            most = large.most if large else None
            return settle_once(platform_id, on, campaign_ids, stores=stores, now=now, most=most)
        except BillsMoved:
            continue
        except DayTooLarge:
            assert large is not None  # noqa: S101 - else there is no bound
            large.begin(Day.seen(stores.bills, platform_id, on), campaign_ids)
            return DayOutcome(platform_id, on, DayResult.SPLIT)
    raise Busy(operation="settle_day")


def _split(day: Day, campaign_ids: Sequence[str], large: LargeDays) -> DayOutcome | None:
    """How a day stands that was found too large before; None where it was not."""
    if large.state(day) is None:
        return None
    state = large.begin(day, campaign_ids)
    result = DayResult.SETTLED if state is ExecutionState.SUCCEEDED else DayResult.SPLIT
    return DayOutcome(day.platform_id, day.on, result)


def _takes_part(record: CampaignRecord, platform_id: str, on: date) -> bool:
    first, last = entry_range(record.campaign)
    return platform_id in record.campaign.platform_ids and first <= on <= last

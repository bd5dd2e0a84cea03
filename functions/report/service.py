"""The use cases of the report function: one day's report, and every report that is due.

A report is a recount: every day of the campaign up to the business date is read from the indexes
by day (64 queries for what was issued, 8 for each platform's ledger entries), each once a run,
however many reports the run writes. Nothing is kept between runs, so that no error outlives one.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Final

from functions.report.figures import History, Report
from functions.report.file_set import report_files
from functions.report.open_breaks import read_open_breaks
from functions.report.publication import Edition, Published, publish, published_days
from functions.report.rows import Entry
from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.campaign import Campaign, CampaignState, validity_of
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.settlement import last_late_day
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.vouchers import VoucherStore

SETTLING: Final = timedelta(minutes=10)
"""How long after midnight a day is counted at the earliest.

An operation that began before midnight is dated by its beginning; it ends within a minute, and the
indexes show it some seconds later.
"""

REPORTS_PER_RUN: Final = 62
"""The most reports that one run writes for a campaign; the next run writes the rest."""

LATE_LOOKED_AT: Final = timedelta(days=10)
"""How far back a run looks for late refunds: nearly all days of theirs are without any."""

_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ReportStores:
    """What the report function reads."""

    campaigns: CampaignStore
    vouchers: VoucherStore
    ledger: LedgerStore


class ReportService:
    """The use cases of the report function.

    Args:
        stores: campaigns, vouchers and ledger.
        objects: the files bucket.

    """

    def __init__(self, stores: ReportStores, objects: ObjectStore) -> None:
        self._stores = stores
        self._objects = objects

    def report_day(
        self, campaign_id: str, on: date, now: datetime, *, reason: str | None = None
    ) -> Published:
        """Counts a business date again and publishes it, unless just that is published already.

        Figures that differ from the published ones become a new version beside them, with
        `reason` as the reason.

        Raises:
            HuiminError: NOT_FOUND (the campaign), CAMPAIGN_STATE (a draft has no report).
            ValueError: the date is not over, or lies before the campaign's first.

        """
        record = self._stores.campaigns.get(campaign_id)
        if record is None:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        if record.state is CampaignState.DRAFT:
            raise HuiminError(Code.CAMPAIGN_STATE, state=record.state.value)
        first, last = _first_day(record.campaign), _last_day_over(now)
        if not first <= on <= last:
            raise ValueError(f"{on} is not from {first} to {last}")
        # Of all days only the last is kept, with its rows.
        (report,) = deque(self._reports(record.campaign, until=on), maxlen=1)
        return self._publish(record, report, reason)

    def report_due(self, now: datetime) -> list[Published]:
        """Publishes every report that is missing, of every campaign, oldest day first.

        Each day on which vouchers can be claimed or redeemed gets one, even where nothing
        happened; between periods and after the last, each day with an entry, until no late
        refund can come any more.

        Raises:
            ExceptionGroup: some campaigns failed; the others' reports are published.

        """
        published: list[Published] = []
        failures: list[Exception] = []
        for record in self._stores.campaigns.all():
            if record.state is CampaignState.DRAFT:
                continue
            try:
                published += self._report_campaign(record, now)
            except Exception as failure:  # noqa: BLE001 - one campaign must not cost the others theirs
                failures.append(failure)
        if failures:
            raise ExceptionGroup(f"{len(failures)} campaigns have no report", failures)
        return published

    def _report_campaign(self, record: CampaignRecord, now: datetime) -> list[Published]:
        due = self._due(record, now)[:REPORTS_PER_RUN]
        if not due:
            return []
        return [
            self._publish(record, report, reason=None)
            for report in self._reports(record.campaign, until=due[-1])
            if report.day.on in due
        ]

    def _due(self, record: CampaignRecord, now: datetime) -> list[date]:
        """The days without a report that should have one, oldest first."""
        campaign = record.campaign
        live_days = _live_days(campaign)
        over = _last_day_over(now)
        last = min(over, last_late_day(campaign))
        if last < _first_day(campaign):
            return []
        window_ends, looked_at = business_date(campaign.refunds_end_at), over - LATE_LOOKED_AT
        published = published_days(self._objects, campaign.campaign_id)
        return [
            on
            for on in _days(_first_day(campaign), last)
            if on not in published
            and (on in live_days or on <= window_ends or on >= looked_at)
            and (on in live_days or any(True for _ in self._entries(campaign, on)))
        ]

    def _reports(self, campaign: Campaign, *, until: date) -> Iterator[Report]:
        """The report of each day from the first, as known when that day ended."""
        history = History(
            {t.voucher_type_id: t.benefit.greatest_fen for t in campaign.voucher_types}
        )
        claim_days = _claim_days(campaign)
        for on in _days(_first_day(campaign), until):
            issued = (
                self._stores.vouchers.issued_on(campaign.campaign_id, on)
                if on in claim_days
                else ()
            )
            yield history.take(on, issued, self._entries(campaign, on))

    def _entries(self, campaign: Campaign, on: date) -> Iterable[Entry]:
        return chain.from_iterable(
            self._stores.ledger.of_day(campaign.campaign_id, platform_id, on)
            for platform_id in campaign.platform_ids
        )

    def _publish(self, record: CampaignRecord, report: Report, reason: str | None) -> Published:
        campaign = record.campaign
        breaks = read_open_breaks(self._objects, campaign.campaign_id, report.day.on)
        return publish(
            self._objects,
            Edition(
                campaign=campaign,
                on=report.day.on,
                cutoff_at=day_bounds(report.day.on)[1],
                inputs={
                    "campaign_document_sha256": hashlib.sha256(
                        record.document.encode()
                    ).hexdigest(),
                    "days_read": len(report.course),
                    "ledger_entries": len(report.day.entries),
                    "vouchers_issued": sum(row.voucher_count for row in report.day.claims),
                },
                files=lambda run_id: report_files(report, campaign, breaks, run_id),
                reason=reason,
            ),
        )


def _first_day(campaign: Campaign) -> date:
    return business_date(min(r.opens_at for r in campaign.rounds))


def _last_day_over(now: datetime) -> date:
    return business_date(now - SETTLING) - _DAY


def _claim_days(campaign: Campaign) -> set[date]:
    """The days on which some round is open for a moment at least."""
    return {
        on
        for r in campaign.rounds
        for on in _days(business_date(r.opens_at), business_date(r.closes_at - _INSTANT))
    }


def _live_days(campaign: Campaign) -> set[date]:
    """The days on which some voucher could be claimed or redeemed for a moment at least."""
    return {
        on
        for r in campaign.rounds
        for t in campaign.voucher_types
        for on in _days(
            business_date(r.opens_at),
            business_date(max(r.closes_at, validity_of(t, r, r.closes_at)[1]) - _INSTANT),
        )
    }


def _days(first: date, last: date) -> Iterator[date]:
    on = first
    while on <= last:
        yield on
        on += _DAY

"""The T+1 reports, counted again from the journal by the code that counted them first.

Every figure of every table, every row, the page and the workbook: a report's newest version must
be just what the journal gives. Users and merchants are counted by the journal's tokens and ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from functions.report.figures import History, Report
from functions.report.file_set import report_files
from functions.report.open_breaks import OpenBreaks, tally_breaks
from functions.report.rows import Entry
from functions.shared.domain.business_time import business_date
from functions.shared.domain.journal import Change
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.refunds import NOTHING_REFUNDED
from functions.shared.domain.settlement import settlement_range
from functions.shared.domain.vouchers import VoucherState
from functions.shared.files.manifest import Manifest
from functions.shared.files.register import REGISTER_CSV, register_prefix
from infra.audit.amounts import amounts_of, parts_of
from infra.audit.book import Book
from infra.audit.findings import Finding, Kind, in_form
from infra.audit.reading import document_at, rows_at, rows_in
from infra.audit.sources import Source

REPORT: Final = "report"
_ISSUES: Final = frozenset({"voucher.claimed", "voucher.granted", "voucher.earned"})
_DAY: Final = timedelta(days=1)


class _Issued(NamedTuple):
    """A voucher as the report counts it."""

    voucher_id: str
    person_ref: str
    round_id: str
    voucher_type_id: str
    platform_id: str


class Reports:
    """The reports of one campaign; its changes are noted in the journal's order.

    Args:
        book: kept from the same changes; each is entered there before it is noted here.
        manifests: of all sets, by folder.
        source: the files.

    """

    def __init__(self, book: Book, manifests: Mapping[str, Manifest], source: Source) -> None:
        self._book = book
        self._campaign = campaign = book.campaign
        self._manifests = manifests
        self._source = source
        self._newest: dict[date, str] = {}
        for prefix, manifest in manifests.items():
            on = manifest.business_date
            if manifest.kind == REPORT and f"/{campaign.campaign_id}/" in prefix and on:
                self._newest[on] = max(self._newest.get(on, ""), prefix, key=len)
        self._last = max(self._newest, default=date.min)
        self._on = settlement_range(campaign)[0]
        self._history = History(
            {t.voucher_type_id: t.benefit.greatest_fen for t in campaign.voucher_types}
        )
        self._issued: list[_Issued] = []
        self._entries: list[Entry] = []
        self.count = 0

    def note(self, change: Change) -> Iterator[Finding]:
        """Takes a change; what is wrong with the reports of the days before it."""
        on = business_date(change.at)
        if on > self._last:
            return
        while self._on < on:
            yield from self._day_over()
        try:
            if change.kind in _ISSUES:
                self._note_issue(change)
            elif change.kind == "ledger.redeemed":
                self._note_redemption(change, on)
            elif change.kind == "ledger.refunded":
                self._note_refund(change, on)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            detail = f"no report counts {change.change_id}: {type(error).__name__} {error}"[:200]
            yield Finding(Kind.FIGURES, self._campaign.campaign_id, detail)

    def end(self, last_day: date) -> Iterator[Finding]:
        """The days that are left, to the last that the journal has."""
        while self._on <= min(self._last, last_day):
            yield from self._day_over()

    def _note_issue(self, change: Change) -> None:
        data = change.data
        self._issued.append(
            _Issued(
                change.change_id.rpartition(".")[0],
                data["persons"][0],
                data["round_id"],
                data["voucher_type_id"],
                data["platform_id"],
            )
        )

    def _note_redemption(self, change: Change, on: date) -> None:
        data = change.data
        redemption = Redemption(
            **self._facts(data),
            content_hash="",
            recorded_at=change.at,
            business_on=on,
            amounts=amounts_of(data),
            refunded=NOTHING_REFUNDED,
        )
        self._entries.append(redemption)

    def _note_refund(self, change: Change, on: date) -> None:
        data = change.data
        self._entries.append(
            Refund(
                **self._facts(data),
                refund_no=data["refund_no"],
                content_hash="",
                recorded_at=change.at,
                business_on=on,
                redeemed_on=self._book.orders[data["redemption_id"]].on,
                parts=parts_of(data),
                voucher_state=VoucherState(data["voucher_state"]),
                **_fen(data),
            )
        )

    def _facts(self, data: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: data[name] for name in _FACTS}
        return told | {
            "campaign_id": self._campaign.campaign_id,
            "person_ref": self._book.vouchers[data["voucher_id"]].persons[0],
        }

    def _day_over(self) -> Iterator[Finding]:
        on, self._on = self._on, self._on + _DAY
        issued, self._issued = self._issued, []
        entries, self._entries = self._entries, []
        try:
            report = self._history.take(on, issued, entries)
        except (KeyError, ValueError) as error:
            detail = f"{on} cannot be counted: {type(error).__name__} {error}"[:200]
            yield Finding(Kind.FIGURES, self._campaign.campaign_id, detail)
            return
        prefix = self._newest.get(on)
        if prefix is None:
            return
        self.count += 1
        yield from in_form(Kind.FIGURES, prefix, self._compare(prefix, report))

    def _compare(self, prefix: str, report: Report) -> Iterator[Finding]:
        manifest = self._manifests[prefix]
        told = {entry.name: entry for entry in manifest.files}
        breaks = self._open_breaks(prefix, report)
        made = report_files(report, self._campaign, breaks, manifest.run_id)
        for file in made:
            entry = told.pop(file.entry.name, None)
            if entry is None:
                yield Finding(Kind.FIGURES, prefix, f"{file.entry.name} is not in it")
            elif entry != file.entry:
                place = prefix + entry.name
                detail = "it is not what the journal gives"
                for difference in self._differences(place, file.data):
                    detail = difference
                    break
                yield Finding(Kind.FIGURES, place, detail)
        for name in told:
            yield Finding(Kind.FIGURES, prefix + name, "no report has such a file")

    def _open_breaks(self, prefix: str, report: Report) -> OpenBreaks:
        """By the register of the morning after, if the report says that it was there by then."""
        on = report.day.on + _DAY
        facts = document_at(self._source, f"{prefix}open_breaks.json").get("facts", {})
        register = register_prefix(on)
        if register not in self._manifests or facts.get("breaks_register") != on.isoformat():
            return OpenBreaks(None, {})
        rows = rows_at(self._source, register + REGISTER_CSV)
        return tally_breaks(rows, self._campaign.campaign_id, on)

    def _differences(self, place: str, expected: bytes) -> Iterator[str]:
        """Where a file for machines says something else."""
        rows: Iterable[tuple[Any, Any]]
        if place.endswith(".csv"):
            rows = zip_longest(rows_at(self._source, place), rows_in([expected]))
        elif place.endswith(".json"):
            found = document_at(self._source, place).get("rows", [])
            rows = zip_longest(found, json.loads(expected)["rows"])
        else:
            return
        for number, (row, wanted) in enumerate(rows, start=1):
            if row == wanted:
                continue
            if not isinstance(row, dict) or not isinstance(wanted, dict):
                yield f"row {number} is {'missing' if row is None else 'one too many or none'}"
                continue
            wrong = [f"{n} {row.get(n)}, not {v}" for n, v in wanted.items() if row.get(n) != v]
            yield f"row {number}: " + ("; ".join(wrong) or "it has other columns")


_AMOUNTS: Final = ("merchant_discount_fen", "platform_discount_fen", "voucher_fen", "paid_fen")
_FACTS: Final = (
    "redemption_id",
    "round_id",
    "voucher_type_id",
    "platform_id",
    "voucher_id",
    "merchant_id",
    "industry",
    "size_class",
    "order_no",
)


def _fen(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in _AMOUNTS}

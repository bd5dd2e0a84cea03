"""What was published beside the journal, compared with the book: settlements, returns, reports."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.settlement import statement_id_of
from functions.shared.files.manifest import Manifest
from infra.audit.book import Book, DayTally, Figures
from infra.audit.details import Details
from infra.audit.findings import Finding, Kind
from infra.audit.payments import check_instruction
from infra.audit.payouts import Payouts
from infra.audit.reading import document_at, rows_at
from infra.audit.sources import Source

# One file, or of a large day one a segment.
_BREAKS: Final = re.compile(r"breaks(?:-[0-9]+)?\.csv\Z")
_REPORT: Final = "by_industry.json"
_FUNDS_CLOSE: Final = "FUNDS_CLOSE"


class Published:
    """The published files of one campaign.

    Args:
        campaign_id: whose.
        book: kept from its journal.
        manifests: of all sets, by folder.
        source: the files.
        last_day: the last that the journal has; later files cannot be compared yet.

    """

    def __init__(
        self,
        campaign_id: str,
        book: Book,
        manifests: Mapping[str, Manifest],
        source: Source,
        last_day: date,
    ) -> None:
        self._campaign_id = campaign_id
        self._campaign: Campaign = book.campaign
        self._book = book
        self._manifests = manifests
        self._source = source
        self._last_day = last_day
        self.settlements = 0
        self.payouts = 0
        self.reports = 0

    def check(self) -> Iterator[Finding]:
        """Everything that says otherwise than the book."""
        for kind, part in (
            (Kind.SETTLEMENT, self._settlements),
            (Kind.PAYOUT, self._payouts),
            (Kind.RETURN, self._returns),
            (Kind.FIGURES, self._reports),
            (Kind.INVARIANTS, self._proofs),
        ):
            try:
                yield from part()
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                # Whoever forges a file may put anything into it: that is a finding, not our end.
                detail = f"a file is not in its form: {type(error).__name__} {error}"[:200]
                yield Finding(kind, self._campaign_id, detail)

    def _document(self, key: str) -> Any:  # noqa: ANN401 - JSON
        return document_at(self._source, key)

    def _settlements(self) -> Iterator[Finding]:
        """Each day with entries has its statement, and each statement says what they give."""
        book = self._book
        by_day = {
            (str(manifest.inputs.get("platform_id")), manifest.business_date): prefix
            for prefix, manifest in self._sets("settlement")
            if prefix.endswith("/v1/")
            and manifest.business_date is not None
            and manifest.business_date <= self._last_day
        }
        # A day may have files without an entry: of a bill alone. They must say so.
        tallies = {day: DayTally() for day in by_day} | book.days
        for (platform_id, on), tally in tallies.items():
            made = book.settlements.get(statement_id_of(self._campaign_id, platform_id, on))
            prefix = by_day.get((platform_id, on))
            if made is None and on < self._last_day and prefix is None:
                yield Finding(Kind.SETTLEMENT, f"{platform_id} {on}", "it has no statement")
                continue
            if prefix is None:
                if made is not None:
                    yield Finding(Kind.SETTLEMENT, f"{platform_id} {on}", "its files are missing")
                continue
            self.settlements += 1
            rows = self._document(prefix + "statement.json").get("rows", [])
            found: dict[str, Any] = next((r for r in rows if r.get("line") == "NET"), {})
            net = tally.net()
            told = tuple(found.get(f"{part}_fen") for part in ("fiscal", "platform", "merchant"))
            if (told, found.get("entries")) != (net, tally.count):
                detail = f"{found.get('entries')} entries, net {told}; the journal has "
                detail += f"{tally.count}, net {net}"
                yield Finding(Kind.SETTLEMENT, prefix, detail)
            if made is not None and made["payable_fen"] != abs(net[0]):
                yield Finding(Kind.SETTLEMENT, prefix, "the journal's line says another amount")
        yield from self._details()
        yield from self._accepted()

    def _details(self) -> Iterator[Finding]:
        """Each line of every set, also of those against a corrected bill."""
        details = Details(self._book, self._source)
        for prefix, manifest in self._sets("settlement"):
            on, platform_id = manifest.business_date, str(manifest.inputs.get("platform_id"))
            if on is not None and on <= self._last_day:
                tally = self._book.days.get((platform_id, on), DayTally())
                yield from details.check(prefix, manifest, platform_id, on, tally)

    def _accepted(self) -> Iterator[Finding]:
        """The bill's side of each adjusting entry that stands is what a bill said."""
        wanted: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for break_id, entry in self._book.adjusted.items():
            folder = f"settlements/{entry['platform_id']}/{entry['origin_on']}/"
            difference_fen = entry["ledger_fen"] - entry["bill_fen"]
            wanted[f"{folder}{self._campaign_id}/"][break_id] = difference_fen
        for folder, differences in wanted.items():
            told = {
                row["break_id"]
                for prefix, manifest in self._sets("settlement")
                if prefix.startswith(folder)
                for entry in manifest.files
                if _BREAKS.match(entry.name)
                for row in rows_at(self._source, prefix + entry.name)
                if row["difference_fen"] == str(differences.get(row["break_id"]))
            }
            for break_id in sorted(differences.keys() - told):
                detail = f"no bill gives {break_id} the difference that was accepted"
                yield Finding(Kind.SETTLEMENT, folder, detail)

    def _returns(self) -> Iterator[Finding]:
        """What went back is what was appropriated and not spent, to the document's account."""
        book, campaign = self._book, self._campaign
        before_fen = 0
        for run, made in sorted(book.returns.items()):
            prefix = f"returns/{self._campaign_id}/{run:04d}/"
            used = made["redeemed_net_fen"], made["adjusted_net_fen"]
            left_fen = campaign.appropriated_fen - sum(used) - before_fen
            booked = book.redeemed_net_fen, book.adjusted_net_fen
            if made["to_return_fen"] != left_fen or used != booked:
                detail = f"{made['to_return_fen']} fen went back, {left_fen} were left"
                yield Finding(Kind.RETURN, prefix, detail)
            rows = self._document(prefix + "fund_return.json").get("rows", [{}])
            told = rows[0].get("to_return_fen"), rows[0].get("account_number")
            if told != (made["to_return_fen"], campaign.source_account.number):
                detail = f"the file returns {told[0]} fen to {told[1]}"
                yield Finding(Kind.RETURN, prefix, detail)
            before_fen += made["to_return_fen"]
        yield from self._payments()
        for prefix, _ in self._sets("fund_return"):
            run = int(prefix.rstrip("/").rpartition("/")[2])
            if run not in book.returns:
                yield Finding(Kind.RETURN, prefix, "the journal knows of no such return")
        if book.returns and book.outstanding_fen:
            detail = f"{book.outstanding_fen} fen are still set aside for vouchers"
            yield Finding(Kind.RETURN, self._campaign_id, detail)

    def _payments(self) -> Iterator[Finding]:
        account = self._campaign.source_account.number
        for prefix, _ in self._sets("fund_return_payment"):
            made = self._book.returns.get(int(prefix.split("/")[2]), {"to_return_fen": 0})
            yield from check_instruction(
                self._source,
                prefix,
                Kind.RETURN,
                owed_fen=made["to_return_fen"],
                account=account,
            )

    def _payouts(self) -> Iterator[Finding]:
        kinds = {kind: dict(self._sets(kind)) for kind in ("payout", "payout_payment")}
        payouts = Payouts(
            self._campaign_id,
            self._book,
            kinds["payout"] | kinds["payout_payment"],
            self._source,
            self._last_day,
        )
        yield from payouts.check()
        self.payouts = payouts.count

    def _reports(self) -> Iterator[Finding]:
        """The newest report of each day, its day and all days up to it."""
        newest: dict[date, str] = {}
        for prefix, manifest in self._sets("report"):
            on = manifest.business_date
            if on is not None and on <= self._last_day:
                newest[on] = max(newest.get(on, ""), prefix, key=len)
        total, days = Figures(), sorted(self._book.figures)
        for on in sorted(newest):
            while days and days[0] <= on:
                total = _sum(total, self._book.figures[days.pop(0)])
            self.reports += 1
            for row in self._document(newest[on] + _REPORT).get("rows", []):
                if row.get("industry") != "ALL":
                    continue
                is_daily = row.get("scope") == "DAILY"
                expected = self._book.figures.get(on, Figures()) if is_daily else total
                yield from _compare(newest[on], row, expected)

    def _proofs(self) -> Iterator[Finding]:
        """Every daily proof holds; the last after closing says what the journal gives."""
        for prefix, manifest in self._manifests.items():
            if manifest.kind != "invariants":
                continue
            found = self._document(prefix + "invariants.json").get("campaigns", {})
            for check in found.get(self._campaign_id, []):
                if not check.get("holds"):
                    detail = f"{check.get('name')} did not hold, drift {check.get('drift_fen')}"
                    yield Finding(Kind.INVARIANTS, prefix, detail)
                counted = check.get("counted", {})
                is_over = self._book.returns and business_date(manifest.cutoff_at) > self._last_day
                if check.get("name") == _FUNDS_CLOSE and is_over:
                    names = ("redeemed_net_fen", "adjusted_net_fen", "returned_fen")
                    told = tuple(counted.get(name) for name in names)
                    booked = tuple(getattr(self._book, name) for name in names)
                    if told != booked:
                        detail = f"redeemed, adjusted and returned: {told}, the journal says "
                        detail += str(booked)
                        yield Finding(Kind.INVARIANTS, prefix, detail)

    def _sets(self, kind: str) -> Iterator[tuple[str, Manifest]]:
        for prefix, manifest in self._manifests.items():
            if manifest.kind == kind and f"/{self._campaign_id}/" in prefix:
                yield prefix, manifest


_COUNTED: Final = (
    "issued_count",
    "issued_fen",
    "redemption_count",
    "redemption_fen",
    "order_fen",
    "fiscal_fen",
    "refund_count",
    "refunded_voucher_fen",
    "refunded_fiscal_fen",
)


def _sum(left: Figures, right: Figures) -> Figures:
    counted = {name: getattr(left, name) + getattr(right, name) for name in _COUNTED}
    return Figures(
        **counted,
        claimers=left.claimers | right.claimers,
        redeemers=left.redeemers | right.redeemers,
    )


def _compare(prefix: str, row: Mapping[str, Any], expected: Figures) -> Iterator[Finding]:
    wanted = {name: getattr(expected, name) for name in _COUNTED}
    wanted |= {"claim_users": len(expected.claimers), "redeem_users": len(expected.redeemers)}
    wrong = [
        f"{name} {row.get(name)}, not {value}"
        for name, value in wanted.items()
        if row.get(name) != value
    ]
    if wrong:
        yield Finding(Kind.FIGURES, f"{prefix}{_REPORT} {row.get('scope')}", "; ".join(wrong))

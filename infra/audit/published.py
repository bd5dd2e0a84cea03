"""What was published beside the journal, compared with the book: settlements, payouts, returns."""

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
from infra.audit.book import Book, DayTally
from infra.audit.details import Details
from infra.audit.findings import Finding, Kind, in_form
from infra.audit.payments import Instructions
from infra.audit.payouts import Payouts
from infra.audit.proofs import check_proofs
from infra.audit.reading import document_at, rows_at
from infra.audit.seals import Seals
from infra.audit.sources import Source

# One file, or of a large day one a segment.
_BREAKS: Final = re.compile(r"breaks(?:-[0-9]+)?\.csv\Z")


class Published:
    """The published files of one campaign.

    Args:
        campaign_id: whose.
        book: kept from its journal.
        manifests: of all sets, by folder.
        source: the files.
        last_day: the last that the journal has; later files cannot be compared yet.
        seals: verifies signatures.

    """

    def __init__(
        self,
        campaign_id: str,
        book: Book,
        manifests: Mapping[str, Manifest],
        source: Source,
        last_day: date,
        seals: Seals,
    ) -> None:
        self._campaign_id = campaign_id
        self._campaign: Campaign = book.campaign
        self._book = book
        self._manifests = manifests
        self._source = source
        self._last_day = last_day
        self._instructions = Instructions(source, book.payables.debts, last_day, seals)
        self.settlements = 0
        self.payouts = 0

    def check(self) -> Iterator[Finding]:
        """Everything that says otherwise than the book."""
        for kind, part in (
            (Kind.SETTLEMENT, self._settlements),
            (Kind.PAYOUT, self._payouts),
            (Kind.RETURN, self._returns),
            (Kind.INVARIANTS, self._proofs),
        ):
            yield from in_form(kind, self._campaign_id, part())

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
            statement_id = statement_id_of(self._campaign_id, platform_id, on)
            made = book.payables.statements.get(statement_id)
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
            if made is not None and made.payable_fen != abs(net[0]):
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
        returns = book.payables.returns
        for run, made in sorted(returns.items()):
            prefix = f"returns/{self._campaign_id}/{run:04d}/"
            used = made["redeemed_net_fen"], made["adjusted_net_fen"]
            left_fen = campaign.appropriated_fen - sum(used) - made["returned_before_fen"]
            booked = book.spent(date.fromisoformat(made["settled_on"]))
            if made["to_return_fen"] != left_fen or used != booked:
                detail = f"{made['to_return_fen']} fen went back, {left_fen} were left; "
                detail += f"spent were {used}, by the entries {booked}"
                yield Finding(Kind.RETURN, prefix, detail)
            rows = self._document(prefix + "fund_return.json").get("rows", [{}])
            told = rows[0].get("to_return_fen"), rows[0].get("account_number")
            if told != (made["to_return_fen"], campaign.source_account.number):
                detail = f"the file returns {told[0]} fen to {told[1]}"
                yield Finding(Kind.RETURN, prefix, detail)
        yield from self._payments()
        for prefix, manifest in self._sets("fund_return"):
            run = int(prefix.rstrip("/").rpartition("/")[2])
            if run not in returns and business_date(manifest.cutoff_at) <= self._last_day:
                yield Finding(Kind.RETURN, prefix, "the journal knows of no such return")
        if returns and book.outstanding_fen:
            detail = f"{book.outstanding_fen} fen are still set aside for vouchers"
            yield Finding(Kind.RETURN, self._campaign_id, detail)

    def _payments(self) -> Iterator[Finding]:
        account = self._campaign.source_account.number
        for prefix, manifest in self._sets("fund_return_payment"):
            made = self._book.payables.returns.get(int(prefix.split("/")[2]), {"to_return_fen": 0})
            yield from self._instructions.check(
                prefix, manifest, Kind.RETURN, owed_fen=made["to_return_fen"], account=account
            )

    def _payouts(self) -> Iterator[Finding]:
        kinds = {kind: dict(self._sets(kind)) for kind in ("payout", "payout_payment")}
        payouts = Payouts(
            self._campaign_id,
            self._book,
            kinds["payout"] | kinds["payout_payment"],
            self._source,
            self._last_day,
            self._instructions,
        )
        yield from payouts.check()
        self.payouts = payouts.count

    def _proofs(self) -> Iterator[Finding]:
        yield from check_proofs(
            self._campaign, self._book.windows, self._manifests, self._source, self._last_day
        )

    def _sets(self, kind: str) -> Iterator[tuple[str, Manifest]]:
        for prefix, manifest in self._manifests.items():
            if manifest.kind == kind and f"/{self._campaign_id}/" in prefix:
                yield prefix, manifest

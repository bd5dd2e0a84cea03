"""Payouts, compared with the statements that they net."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from functions.shared.domain.business_time import business_date
from functions.shared.domain.settlement import statement_id_of
from functions.shared.files.manifest import Manifest
from infra.audit.book import Book
from infra.audit.findings import Finding, Kind
from infra.audit.payments import Instructions
from infra.audit.reading import document_at
from infra.audit.sources import Source

_BUREAU: Final = "BUREAU"


class Payouts:
    """The payouts of one campaign.

    Args:
        campaign_id: whose.
        book: kept from its journal.
        manifests: of its sets of the kinds `payout` and `payout_payment`, by folder.
        source: the files.
        last_day: the last that the journal has; a payout of a later one cannot be compared yet.
        instructions: checks its payments.

    """

    def __init__(
        self,
        campaign_id: str,
        book: Book,
        manifests: Mapping[str, Manifest],
        source: Source,
        last_day: date,
        instructions: Instructions,
    ) -> None:
        self._campaign_id = campaign_id
        self._book = book
        self._manifests = manifests
        self._source = source
        self._last_day = last_day
        self._instructions = instructions
        self._nets: dict[tuple[str, int], int] = {}
        self._taken: set[str] = set()
        self.count = 0

    def check(self) -> Iterator[Finding]:
        """Everything that says otherwise than the book."""
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for prefix, manifest in self._of_kind("payout"):
            platform_id = prefix.split("/")[1]
            number = int(prefix.rstrip("/").rpartition("-")[2])
            numbers[platform_id].append(number)
            self.count += 1
            yield from self._payout(prefix, manifest, platform_id, number)
        for platform_id, found in numbers.items():
            if sorted(found) != list(range(1, len(found) + 1)):
                detail = f"payouts {sorted(found)} do not follow each other"
                yield Finding(Kind.PAYOUT, platform_id, detail)
        for platform_id, number in sorted(self._book.payables.payouts.keys() - self._nets.keys()):
            yield Finding(Kind.PAYOUT, platform_id, f"the files of payout {number} are missing")
        yield from self._payments()

    def _payout(
        self, prefix: str, manifest: Manifest, platform_id: str, number: int
    ) -> Iterator[Finding]:
        rows = document_at(self._source, prefix + "payout.json").get("rows", [])
        net_fen = 0
        for row in rows:
            net_fen += row.get("net_fen", 0)
            yield from self._row(prefix, platform_id, row)
        self._nets[platform_id, number] = net_fen
        drawn = self._book.payables.payouts.get((platform_id, number))
        told_lines = tuple(
            (row.get("business_date"), row.get("statement_id"), row.get("net_fen")) for row in rows
        )
        if drawn is None and business_date(manifest.cutoff_at) <= self._last_day:
            yield Finding(Kind.PAYOUT, prefix, "the journal knows of no such payout")
        if drawn is not None and drawn.lines != told_lines:
            yield Finding(Kind.PAYOUT, prefix, "the journal tells of other statements")
        side = _BUREAU if net_fen > 0 else "PLATFORM" if net_fen else "NOBODY"
        told = manifest.inputs.get("net_fen"), manifest.inputs.get("payable_side")
        if told != (net_fen, side):
            detail = f"its manifest says {told}, its statements come to {net_fen} fen, {side}"
            yield Finding(Kind.PAYOUT, prefix, detail)

    def _row(self, prefix: str, platform_id: str, row: Mapping[str, Any]) -> Iterator[Finding]:
        on = date.fromisoformat(str(row.get("business_date")))
        statement_id = row.get("statement_id")
        if statement_id in self._taken:
            yield Finding(Kind.PAYOUT, prefix, f"{on} is paid twice")
        self._taken.add(str(statement_id))
        if statement_id != statement_id_of(self._campaign_id, platform_id, on):
            yield Finding(Kind.PAYOUT, prefix, f"{statement_id} is not the statement of {on}")
        if on > self._last_day:
            return
        tally = self._book.days.get((platform_id, on))
        expected_fen = tally.net()[0] if tally else 0
        if row.get("net_fen") != expected_fen:
            detail = f"{on} counts {row.get('net_fen')} fen, its entries give {expected_fen}"
            yield Finding(Kind.PAYOUT, prefix, detail)

    def _payments(self) -> Iterator[Finding]:
        for prefix, manifest in self._of_kind("payout_payment"):
            _, _, platform_id, number, *_ = prefix.split("/")
            net_fen = self._nets.get((platform_id, int(number)), 0)
            contract = self._book.campaign.contract(platform_id)
            account = contract.account.number if contract else None
            yield from self._instructions.check(
                prefix, manifest, Kind.PAYOUT, owed_fen=net_fen, account=account
            )

    def _of_kind(self, kind: str) -> Iterator[tuple[str, Manifest]]:
        for prefix in sorted(self._manifests):
            if self._manifests[prefix].kind == kind:
                yield prefix, self._manifests[prefix]

"""The bank's instructions, compared with what they pay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from functions.shared.domain.business_time import business_date
from functions.shared.files.manifest import Manifest
from infra.audit.findings import Finding, Kind
from infra.audit.payables import Debt
from infra.audit.reading import document_at
from infra.audit.seals import Seals
from infra.audit.sources import Source


class Instructions:
    """The bank's instructions of one campaign.

    Args:
        source: the files.
        debts: what is owed, by the journal.
        last_day: the last that the journal has; a later approval cannot be compared yet.
        seals: verifies signatures.

    """

    def __init__(
        self, source: Source, debts: Mapping[str, Debt], last_day: date, seals: Seals
    ) -> None:
        self._source = source
        self._debts = debts
        self._last_day = last_day
        self._seals = seals

    def check(
        self, prefix: str, manifest: Manifest, kind: Kind, *, owed_fen: int, account: str | None
    ) -> Iterator[Finding]:
        """What an instruction pays otherwise than it may.

        It pays at most what is owed, to the one account, two persons stand for it, the journal
        knows that they do, and what the bank and people get is signed.

        Args:
            prefix: the folder of the payment.
            manifest: of the folder.
            kind: of the findings.
            owed_fen: what it pays of.
            account: the only one that may be credited; None where there is none.

        """
        for wrong in self._wrong(prefix, manifest, owed_fen, account):
            yield Finding(kind, prefix, wrong)

    def _wrong(
        self, prefix: str, manifest: Manifest, owed_fen: int, account: str | None
    ) -> Iterator[str]:
        yield from self._seals.check(self._source, prefix, manifest)
        row = (document_at(self._source, prefix + "payment.json").get("rows") or [{}])[0]
        amount_fen = row.get("amount_fen")
        if not isinstance(amount_fen, int) or not 0 < amount_fen <= owed_fen:
            yield f"it pays {amount_fen} fen of {owed_fen}"
            return
        if row.get("payee_account") != account:
            yield f"it pays to {row.get('payee_account')}, not to {account}"
        if row.get("proposed_by") == row.get("approved_by"):
            yield "one person proposed and approved it"
        if business_date(manifest.cutoff_at) <= self._last_day:
            debt = self._debts.get(str(manifest.inputs.get("pays")))
            approved_fen = debt.approved.get(str(row.get("reference"))) if debt else None
            if approved_fen != amount_fen:
                yield f"it pays {amount_fen} fen, the journal knows of {approved_fen} approved"
        try:
            message = self._source.read(prefix + "pain.001.xml").decode()
        except (FileNotFoundError, UnicodeDecodeError):
            message = ""
        told = f'<InstdAmt Ccy="CNY">{amount_fen // 100}.{amount_fen % 100:02d}</InstdAmt>'
        credited = message.partition("<CdtrAcct>")[2].partition("</CdtrAcct>")[0]
        if told not in message or f"<Id>{account}</Id>" not in credited:
            yield "the bank's instruction says something else"

"""Payments of what is owed: one record an amount, beside the statement that it is owed by.

Each change is a compare-and-set on the whole record, so that nobody overwrites what they have not
seen, and no two payments of one amount are ever under way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from functions.shared.domain.business_time import business_date
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.payments import Owed, Payments, from_payload, to_payload
from functions.shared.store.connection import Database
from functions.shared.store.tables import SettlementItem
from functions.shared.store.transaction import Cancelled

PAYMENTS = "PAYMENTS"
"""The kind of the record, and how its key begins."""


class PaymentStore:
    """What was done to pay an amount owed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, owed: Owed) -> Payments:
        """The payments of it, strongly consistent; none where nobody has proposed one."""
        item = self._database.get(SettlementItem, owed.campaign_id, payments_key(owed))
        return from_payload(owed, item.payload) if item else Payments(owed=owed)

    def of_all(self, campaign_id: str, owed: Iterable[Owed]) -> list[Payments]:
        """The same for many amounts of one campaign, in their order, with one query."""
        condition = SettlementItem.statement_key.startswith(f"{PAYMENTS}#")
        found = {
            item.statement_key: item.payload
            for item in self._database.query(SettlementItem, campaign_id, condition)
        }
        return [
            from_payload(each, found[key])
            if (key := payments_key(each)) in found
            else Payments(owed=each)
            for each in owed
        ]

    def change(self, before: Payments, after: Payments, *, now: datetime) -> None:
        """Replaces a record that still is as it was read.

        Raises:
            HuiminError: VERSION_MISMATCH; nothing is changed.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("change_payments")
        unchanged = (
            SettlementItem.payload == to_payload(before)
            if before.version
            else SettlementItem.statement_key.does_not_exist()
        )
        item = SettlementItem(
            after.owed.campaign_id,
            payments_key(after.owed),
            kind=PAYMENTS,
            statement_id=after.payments[-1].reference,
            business_on=business_date(now).isoformat(),
            payload=to_payload(after),
            amount_fen=after.paid_fen,
            made_at=now,
        )
        transaction.put("payments", item, unchanged)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            owed = before.owed
            stored = self._database.get(SettlementItem, owed.campaign_id, payments_key(owed))
            if stored is not None and stored.payload == item.payload:
                # It was committed, and the reply to it was lost.
                return
            found = from_payload(owed, stored.payload) if stored else before
            raise HuiminError(
                Code.VERSION_MISMATCH, stored_version=found.version + 1
            ) from cancelled


def payments_key(owed: Owed) -> str:
    """The range key of the record."""
    return f"{PAYMENTS}#{owed.key}"

"""Payments of fund returns: one record a return, beside the return's own statement.

Each change is a compare-and-set on the whole record, so that nobody overwrites what they have not
seen, and no two payments of one return are ever under way.
"""

from __future__ import annotations

from datetime import datetime

from functions.shared.domain.business_time import business_date
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.fund_return import FundReturn
from functions.shared.domain.return_payments import ReturnPayments, from_payload, to_payload
from functions.shared.store.connection import Database
from functions.shared.store.tables import SettlementItem
from functions.shared.store.transaction import Cancelled

PAYMENTS = "PAYMENTS"
"""The kind of the record, and how its key begins."""


class ReturnPaymentStore:
    """What was done to pay a return."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, made: FundReturn) -> ReturnPayments:
        """The return's payments, strongly consistent; none where nobody has proposed one."""
        key = payments_key(made.run)
        item = self._database.get(SettlementItem, made.campaign_id, key)
        if item is None:
            return ReturnPayments.of(made)
        return from_payload(made.campaign_id, made.run, item.payload)

    def change(self, before: ReturnPayments, after: ReturnPayments, *, now: datetime) -> None:
        """Replaces a record that still is as it was read.

        Raises:
            HuiminError: VERSION_MISMATCH; nothing is changed.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("change_return_payments")
        unchanged = (
            SettlementItem.payload == to_payload(before)
            if before.version
            else SettlementItem.statement_key.does_not_exist()
        )
        item = SettlementItem(
            after.campaign_id,
            payments_key(after.run),
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
            key = payments_key(before.run)
            stored = self._database.get(SettlementItem, before.campaign_id, key)
            if stored is not None and stored.payload == item.payload:
                # It was committed, and the reply to it was lost.
                return
            found = (
                from_payload(before.campaign_id, before.run, stored.payload) if stored else before
            )
            raise HuiminError(
                Code.VERSION_MISMATCH, stored_version=found.version + 1
            ) from cancelled


def payments_key(run: int) -> str:
    """The range key of the record."""
    return f"{PAYMENTS}#{run:04d}"

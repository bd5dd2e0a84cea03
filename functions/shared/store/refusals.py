"""Why a voucher was refused last: a note for complaint desks, and no record.

Nothing rests on it: it is written after a refusal, outside any transaction, and may be lost. It is
kept apart from the voucher, so that writing it meets nobody who uses the voucher.
"""

from __future__ import annotations

from functions.shared.domain.errors import Code
from functions.shared.domain.vouchers import Refusal
from functions.shared.store.connection import Database
from functions.shared.store.tables import RefusalItem


class RefusalStore:
    """The last refusal of each voucher."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, voucher_id: str, refusal: Refusal) -> None:
        """Notes the refusal in place of an earlier one, if that can be done at once."""
        self._database.update(
            RefusalItem(voucher_id),
            [
                RefusalItem.refused_at.set(refusal.at),
                RefusalItem.code.set(refusal.code.value),
                RefusalItem.operation.set(refusal.operation),
                RefusalItem.order_no.set(refusal.order_no),
            ],
        )

    def last(self, voucher_id: str) -> Refusal | None:
        """The refusal that was noted last; None where there is none.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        item = self._database.get(RefusalItem, voucher_id)
        if item is None:
            return None
        return Refusal(item.refused_at, Code(item.code), item.operation, item.order_no)

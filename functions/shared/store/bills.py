"""Bills by platform and business date: every delivered version, of which one at most counts.

Versions of a date are numbered without a gap, and the number is the guard: whoever puts version
n + 1 has seen all up to n. What follows from a bill is written on the condition that no newer
version has come (`require_newest`), so a slow run never overwrites what a corrected bill changed.
"""

from __future__ import annotations

from datetime import date, datetime

from functions.shared.domain.bills import MAX_BILL_VERSIONS, BillState, BillVersion
from functions.shared.store.connection import Database
from functions.shared.store.tables import BillItem
from functions.shared.store.transaction import Cancelled, Transaction

NEWEST = "newest bill"
"""The label of `require_newest` in a transaction."""


class BillsMoved(Exception):
    """A newer version of the day's bill came in between; start the day again."""


class BillStore:
    """Versions by platform and business date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, platform_id: str, on: date) -> list[BillVersion]:
        """Every version of a date, by number, strongly consistent; at most MAX_BILL_VERSIONS."""
        condition = BillItem.bill_key.startswith(f"{on.isoformat()}#")
        return [_bill(item) for item in self._database.query(BillItem, platform_id, condition)]

    def append(self, bill: BillVersion, *, supersedes: BillVersion | None = None) -> bool:
        """Stores the next version and, in the same instant, retires the one it supersedes.

        False, and nothing changes, when somebody else has taken that number.
        """
        assert 1 <= bill.version <= MAX_BILL_VERSIONS, bill.version  # noqa: S101 - intake's bound
        transaction = self._database.transaction("append_bill")
        transaction.put("bill", _item(bill), BillItem.bill_key.does_not_exist())
        if supersedes is not None:
            transaction.update(
                "superseded",
                BillItem(
                    supersedes.platform_id, bill_key(supersedes.business_on, supersedes.version)
                ),
                [BillItem.state.set(BillState.SUPERSEDED.value)],
                BillItem.state == BillState.ACCEPTED.value,
            )
        try:
            transaction.commit()
        except Cancelled:
            return False
        return True

    def unreconciled(self, platform_id: str, *, since: date) -> list[BillVersion]:
        """Accepted bills of dates from `since` on that are not yet compared with the ledger."""
        condition = BillItem.bill_key >= since.isoformat()
        bills = map(_bill, self._database.query(BillItem, platform_id, condition))
        return [b for b in bills if b.state is BillState.ACCEPTED and b.reconciled_at is None]

    def mark_reconciled(self, bill: BillVersion, *, now: datetime) -> None:
        """Notes that ledger and bill are compared and the files written."""
        transaction = self._database.transaction("mark_bill_reconciled")
        transaction.update(
            "bill",
            BillItem(bill.platform_id, bill_key(bill.business_on, bill.version)),
            [BillItem.reconciled_at.set(now)],
            BillItem.bill_key.exists(),
        )
        transaction.commit()


def bill_key(on: date, version: int) -> str:
    """The range key of a version; it sorts by date, then by number."""
    return f"{on.isoformat()}#{version:04d}"


def require_newest(transaction: Transaction, platform_id: str, on: date, newest: int) -> None:
    """Makes the transaction fail at NEWEST when a version after `newest` (0: none) exists."""
    transaction.check(
        NEWEST,
        BillItem,
        platform_id,
        bill_key(on, newest + 1),
        condition=BillItem.bill_key.does_not_exist(),
    )


def _item(bill: BillVersion) -> BillItem:
    return BillItem(
        bill.platform_id,
        bill_key(bill.business_on, bill.version),
        state=bill.state.value,
        object_key=bill.object_key,
        object_version=bill.object_version,
        sha256=bill.sha256,
        rows=bill.rows,
        received_at=bill.received_at,
        reconciled_at=bill.reconciled_at,
    )


def _bill(item: BillItem) -> BillVersion:
    on, version = item.bill_key.split("#")
    return BillVersion(
        platform_id=item.platform_id,
        business_on=date.fromisoformat(on),
        version=int(version),
        state=BillState(item.state),
        object_key=item.object_key,
        object_version=item.object_version,
        sha256=item.sha256,
        rows=item.rows,
        received_at=item.received_at,
        reconciled_at=item.reconciled_at,
    )

"""Grants as transactions; the state of the grant and of each row is the guard.

    list       rows put, each once · grant: LISTING, so many rows more
    approve    grant: LISTING -> APPROVED, with exactly the rows that were seen
    grant      all of a claim (`shared.store.claims`) · row LISTED -> GRANTED · part: granted + 1
    refuse     row LISTED -> REFUSED · part: refused + 1

A list lies in parts with keys of their own, so that nothing is hot while several are carried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from pynamodb.expressions.update import Action

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.grants import PARTS, Grant, GrantRow, GrantState, Progress, RowState
from functions.shared.store.claims import Also
from functions.shared.store.connection import Database
from functions.shared.store.tables import GrantItem, GrantPartItem, GrantRowItem
from functions.shared.store.transaction import Cancelled, Transaction

ROWS_PER_TRANSACTION: Final = Transaction.MAX_ITEMS - 1
"""The grant itself is one of the hundred items."""
ROW: Final = "row"


class GrantStore:
    """Grants by campaign and id, and their rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, campaign_id: str, grant_id: str) -> Grant | None:
        """The grant, strongly consistent; None when there is none."""
        item = self._database.get(GrantItem, campaign_id, grant_id)
        return grant_of(item) if item else None

    def of_campaign(
        self, campaign_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Iterator[Grant]:
        """The campaign's grants by id, from behind `after`, at most `limit`."""
        later = GrantItem.grant_id > after if after is not None else None
        for item in self._database.query(GrantItem, campaign_id, later, limit=limit):
            yield grant_of(item)

    def make(self, grant: Grant) -> tuple[Grant, bool]:
        """Stores a grant without rows; True with what is stored where the same was made before.

        Raises:
            HuiminError: KEY_REUSED, when the id stands for another content.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("make_grant")
        transaction.put("grant", _item(grant), GrantItem.grant_id.does_not_exist())
        try:
            transaction.commit()
        except Cancelled as cancelled:
            item = cancelled.old("grant", GrantItem)
            stored = grant_of(item) if item else self._again(grant)
            if stored.content != grant.content:
                raise HuiminError(Code.KEY_REUSED, number=grant.grant_id) from cancelled
            return stored, True
        return grant, False

    def add_rows(self, grant: Grant, rows: Sequence[GrantRow]) -> Mapping[str, GrantRow]:
        """Lists all those persons; or none, where some are listed already, and gives these.

        Args:
            grant: the list.
            rows: at most ROWS_PER_TRANSACTION, each of another person.

        Returns:
            by id, the rows that were there; empty when all were written.

        Raises:
            HuiminError: GRANT_STATE, when the grant takes no persons any more.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("list_persons")
        for row in rows:
            transaction.put(
                row.voucher_id, _row_item(grant, row), GrantRowItem.voucher_id.does_not_exist()
            )
        transaction.update(
            "grant",
            GrantItem(grant.campaign_id, grant.grant_id),
            [GrantItem.listed.add(len(rows))],
            GrantItem.state == GrantState.LISTING.value,
        )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            if cancelled.failed("grant"):
                raise self._wrong_state(grant) from cancelled
            olds = (cancelled.old(row.voucher_id, GrantRowItem) for row in rows)
            return {item.voucher_id: row_of(item) for item in olds if item is not None}
        return {}

    def approve(self, grant: Grant, *, rows: int, approver: str, now: datetime) -> Grant:
        """Approves the list of so many rows; the stored grant where that was done before.

        Raises:
            HuiminError: GRANT_CHANGED (it has other rows), GRANT_STATE (another approved it).
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("approve_grant")
        transaction.update(
            "grant",
            GrantItem(grant.campaign_id, grant.grant_id),
            [
                GrantItem.state.set(GrantState.APPROVED.value),
                GrantItem.approved_by.set(approver),
                GrantItem.approved_at.set(now),
            ],
            (GrantItem.state == GrantState.LISTING.value) & (GrantItem.listed == rows),
        )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = self._again(grant)
            if stored.rows != rows:
                raise HuiminError(Code.GRANT_CHANGED, rows=stored.rows) from cancelled
            if stored.approved_by != approver:
                raise self._wrong_state(grant) from cancelled
            return stored
        return self._again(grant)

    def rows(
        self, grant: Grant, part: int, *, after: str | None = None, limit: int | None = None
    ) -> Iterator[GrantRow]:
        """The rows of a part by id, from behind `after`, at most `limit`; whatever their state."""
        later = GrantRowItem.voucher_id > after if after is not None else None
        key = part_key(grant, part)
        for item in self._database.query(GrantRowItem, key, later, limit=limit):
            yield row_of(item)

    def row(self, grant: Grant, row: GrantRow) -> GrantRow | None:
        """The row as it stands now, strongly consistent; None when there is none."""
        item = self._database.get(GrantRowItem, part_key(grant, row.part), row.voucher_id)
        return row_of(item) if item else None

    def progress(self, grant: Grant) -> Progress:
        """How far the list is."""
        keys = [part_key(grant, part) for part in range(PARTS)]
        parts = list(self._database.get_many(GrantPartItem, keys))
        return Progress(
            rows=grant.rows,
            granted=sum(part.granted or 0 for part in parts),
            refused=sum(part.refused or 0 for part in parts),
        )

    def granting(self, grant: Grant, row: GrantRow, now: datetime) -> Also:
        """What the row's claim writes besides; where the row has ended, the claim is cancelled."""

        def also(transaction: Transaction) -> None:
            _end(transaction, grant, row, RowState.GRANTED, None, now)

        return also

    def refuse(self, grant: Grant, row: GrantRow, code: Code, now: datetime) -> bool:
        """Ends the row without a voucher; False, and nothing changes, where it has ended.

        Raises:
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("refuse_grant")
        _end(transaction, grant, row, RowState.REFUSED, code, now)
        try:
            transaction.commit()
        except Cancelled:
            return False
        return True

    def _wrong_state(self, grant: Grant) -> HuiminError:
        return HuiminError(Code.GRANT_STATE, state=self._again(grant).state.value)

    def _again(self, grant: Grant) -> Grant:
        stored = self.get(grant.campaign_id, grant.grant_id)
        assert stored is not None, grant.grant_id  # noqa: S101 - grants are never deleted
        return stored


def part_key(grant: Grant, part: int) -> str:
    """The key of a part of a list: `campaign/grant/part`."""
    return f"{grant.campaign_id}/{grant.grant_id}/{part:02d}"


def _end(
    transaction: Transaction,
    grant: Grant,
    row: GrantRow,
    state: RowState,
    refusal: Code | None,
    now: datetime,
) -> None:
    key = part_key(grant, row.part)
    ended: list[Action] = [GrantRowItem.state.set(state.value), GrantRowItem.ended_at.set(now)]
    if refusal is not None:
        ended.append(GrantRowItem.refusal.set(refusal.value))
    transaction.update(
        ROW,
        GrantRowItem(key, row.voucher_id),
        ended,
        GrantRowItem.state == RowState.LISTED.value,
    )
    counter = GrantPartItem.granted if state is RowState.GRANTED else GrantPartItem.refused
    transaction.update("part", GrantPartItem(key), [counter.add(1)])


def _item(grant: Grant) -> GrantItem:
    return GrantItem(
        grant.campaign_id,
        grant.grant_id,
        pool_key=grant.pool_key,
        reason=grant.reason,
        made_by=grant.made_by,
        made_at=grant.made_at,
        state=grant.state.value,
        listed=grant.rows,
    )


def grant_of(item: GrantItem) -> Grant:
    """The grant that an item holds."""
    round_id, voucher_type_id, platform_id = item.pool_key.split("/")
    return Grant(
        campaign_id=item.campaign_id,
        grant_id=item.grant_id,
        round_id=round_id,
        voucher_type_id=voucher_type_id,
        platform_id=platform_id,
        reason=item.reason,
        made_by=item.made_by,
        made_at=item.made_at,
        state=GrantState(item.state),
        rows=item.listed,
        approved_by=item.approved_by,
        approved_at=item.approved_at,
    )


def _row_item(grant: Grant, row: GrantRow) -> GrantRowItem:
    return GrantRowItem(
        part_key(grant, row.part),
        row.voucher_id,
        identity_refs=list(row.identity_refs),
        state=row.state.value,
    )


def row_of(item: GrantRowItem) -> GrantRow:
    """The row that an item holds."""
    return GrantRow(
        voucher_id=item.voucher_id,
        identity_refs=tuple(item.identity_refs),
        state=RowState(item.state),
        refusal=Code(item.refusal) if item.refusal else None,
        ended_at=item.ended_at,
    )

"""Payouts and confirmations: what became of a platform's statements after they were made.

confirm   confirmation put (the guard)
draw up   payout put (the guard: its number)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from functions.shared.domain.business_time import business_date
from functions.shared.domain.payouts import Payout, from_payload, payout_key, to_payload
from functions.shared.domain.settlement import Statement
from functions.shared.store.connection import Database
from functions.shared.store.tables import SettlementItem
from functions.shared.store.transaction import Cancelled

CONFIRMATION = "CONFIRMATION"
"""The kind of a confirmation, and how its key begins; it holds no money."""

PAYOUT = "PAYOUT"
"""The kind of a payout, and how its key begins."""


class PayoutStore:
    """Confirmations and payouts by campaign and platform."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def confirmations(self, campaign_id: str, platform_id: str) -> dict[date, datetime]:
        """When the platform confirmed which business date's statement, strongly consistent."""
        condition = SettlementItem.statement_key.startswith(f"{CONFIRMATION}#{platform_id}#")
        found = self._database.query(SettlementItem, campaign_id, condition)
        return {date.fromisoformat(item.business_on): item.made_at for item in found}

    def all_confirmations(self, campaign_id: str) -> Iterator[tuple[str, date, datetime]]:
        """Which platforms confirmed which business dates' statements, and when."""
        condition = SettlementItem.statement_key.startswith(f"{CONFIRMATION}#")
        for item in self._database.query(SettlementItem, campaign_id, condition):
            on = date.fromisoformat(item.business_on)
            yield item.platform_id or "", on, item.made_at

    def confirm(self, statement: Statement, *, now: datetime) -> bool:
        """Notes that the platform confirms the statement; False where it did so before.

        Raises:
            Busy: contention outlasted the retries.

        """
        platform_id, on = statement.platform_id, statement.business_on.isoformat()
        transaction = self._database.transaction("confirm_statement")
        transaction.put(
            "confirmation",
            SettlementItem(
                statement.campaign_id,
                f"{CONFIRMATION}#{platform_id}#{on}",
                kind=CONFIRMATION,
                statement_id=statement.statement_id,
                business_on=on,
                platform_id=platform_id,
                payload="{}",
                amount_fen=statement.net.fiscal_fen,
                made_at=now,
            ),
            SettlementItem.statement_key.does_not_exist(),
        )
        try:
            transaction.commit()
        except Cancelled:
            return False
        return True

    def payouts(self, campaign_id: str, platform_id: str) -> list[Payout]:
        """The platform's payouts, by number, strongly consistent."""
        return [found for found, _ in self._payouts(campaign_id, f"{PAYOUT}#{platform_id}#")]

    def payout(self, campaign_id: str, platform_id: str, number: int) -> Payout | None:
        """One payout, strongly consistent; None while there is none of that number."""
        key = payout_key(platform_id, number)
        item = self._database.get(SettlementItem, campaign_id, key)
        return from_payload(item.payload) if item else None

    def all(self, campaign_id: str) -> Iterator[tuple[Payout, int]]:
        """The payouts of all platforms, each with how many sets of its files are written.

        By platform and number, strongly consistent.
        """
        return self._payouts(campaign_id, f"{PAYOUT}#")

    def mark_published(self, payout: Payout, sets: int) -> None:
        """Notes that so many sets of files of the payout are written; never fewer than before."""
        transaction = self._database.transaction("mark_payout_published")
        transaction.update(
            "payout",
            SettlementItem(payout.campaign_id, payout_key(payout.platform_id, payout.number)),
            [SettlementItem.published.set(sets)],
            SettlementItem.published.does_not_exist() | (SettlementItem.published < sets),
        )
        try:
            transaction.commit()
        except Cancelled:
            # Another run has written as many or more.
            return

    def _payouts(self, campaign_id: str, beginning: str) -> Iterator[tuple[Payout, int]]:
        condition = SettlementItem.statement_key.startswith(beginning)
        for item in self._database.query(SettlementItem, campaign_id, condition):
            yield from_payload(item.payload), item.published or 0

    def draw(self, payout: Payout, *, now: datetime) -> Payout:
        """Keeps the payout; the stored one where there is one of that number.

        Raises:
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("draw_payout")
        transaction.put(
            "payout",
            SettlementItem(
                payout.campaign_id,
                payout_key(payout.platform_id, payout.number),
                kind=PAYOUT,
                statement_id=payout.reference,
                business_on=business_date(now).isoformat(),
                platform_id=payout.platform_id,
                payload=to_payload(payout),
                amount_fen=payout.net_fen,
                made_at=now,
            ),
            SettlementItem.statement_key.does_not_exist(),
        )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("payout", SettlementItem)
            if stored is None:
                raise
            return from_payload(stored.payload)
        return payout

"""Settlements: one statement for each campaign, platform and business date, made once.

settle    statement put (the guard) · the campaign's settled money
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime

from functions.shared.domain.money import FundingParts, NetParts
from functions.shared.domain.settlement import NetTally, Statement, Tally
from functions.shared.store.connection import Database
from functions.shared.store.tables import CampaignItem, SettlementItem
from functions.shared.store.transaction import Cancelled

SETTLEMENT = "SETTLEMENT"
"""The kind of a statement, and how its key begins."""

PROGRESS = "PROGRESS"
"""The kind of the campaign's bookmark, and its key; it holds no money."""


class SettlementStore:
    """Statements by campaign, business date and platform."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def statement(self, campaign_id: str, platform_id: str, on: date) -> Statement | None:
        """The statement, strongly consistent; None while the day is not settled."""
        item = self._database.get(SettlementItem, campaign_id, statement_key(platform_id, on))
        return statement_of(item) if item else None

    def statements(self, campaign_id: str) -> Iterator[Statement]:
        """Every statement of a campaign, by date, then by platform, strongly consistent."""
        for statement, _ in self.made(campaign_id):
            yield statement

    def made(self, campaign_id: str) -> Iterator[tuple[Statement, datetime]]:
        """The same, each with when it was made."""
        condition = SettlementItem.statement_key.startswith(f"{SETTLEMENT}#")
        for item in self._database.query(SettlementItem, campaign_id, condition):
            yield statement_of(item), item.made_at

    def commit(self, statement: Statement, *, now: datetime) -> Statement:
        """Settles; the stored statement, which is an earlier one where the day was settled before.

        Whether an earlier one says the same is for the caller to see.

        Raises:
            Busy: contention outlasted the retries.
            Cancelled: there is no such campaign.

        """
        fiscal_fen = statement.net.fiscal_fen
        transaction = self._database.transaction("settle")
        transaction.put(
            "statement",
            _item(statement, made_at=now),
            SettlementItem.statement_key.does_not_exist(),
        )
        transaction.update(
            "campaign",
            CampaignItem(statement.campaign_id),
            [CampaignItem.settled_fen.add(fiscal_fen)],
            CampaignItem.campaign_id.exists(),
        )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("statement", SettlementItem)
            if stored is None:
                raise
            return statement_of(stored)
        return statement

    def settled_through(self, campaign_id: str) -> date | None:
        """The date up to which all of the campaign's platforms are settled and have their files.

        A bookmark that spares the daily run all days before; None before the first day.
        """
        item = self._database.get(SettlementItem, campaign_id, PROGRESS)
        return date.fromisoformat(item.business_on) if item else None

    def advance(self, campaign_id: str, through: date, *, now: datetime) -> None:
        """Moves the bookmark on; it never moves back."""
        transaction = self._database.transaction("advance_settlement")
        transaction.put(
            "progress",
            SettlementItem(
                campaign_id,
                PROGRESS,
                kind=PROGRESS,
                statement_id=PROGRESS,
                business_on=through.isoformat(),
                payload="{}",
                amount_fen=0,
                made_at=now,
            ),
            SettlementItem.statement_key.does_not_exist()
            | (SettlementItem.business_on < through.isoformat()),
        )
        try:
            transaction.commit()
        except Cancelled:
            # Another run has gone as far or farther.
            return


def statement_key(platform_id: str, on: date) -> str:
    """The range key of a settlement; it sorts by date, then by platform."""
    return f"{SETTLEMENT}#{on.isoformat()}#{platform_id}"


def _item(statement: Statement, *, made_at: datetime) -> SettlementItem:
    payload = {
        "gross": _tally_document(statement.gross),
        "refunds": _tally_document(statement.refunds),
        "adjustments": _tally_document(statement.adjustments),
        "adjusting": _tally_document(statement.adjusting),
        "entries_digest": statement.entries_digest,
        "bill_version": statement.bill_version,
    }
    return SettlementItem(
        statement.campaign_id,
        statement_key(statement.platform_id, statement.business_on),
        kind=SETTLEMENT,
        statement_id=statement.statement_id,
        business_on=statement.business_on.isoformat(),
        platform_id=statement.platform_id,
        payload=json.dumps(payload, sort_keys=True, separators=(",", ":")),
        amount_fen=statement.net.fiscal_fen,
        made_at=made_at,
    )


def statement_of(item: SettlementItem) -> Statement:
    """The statement that an item holds."""
    payload = json.loads(item.payload)
    return Statement(
        statement_id=item.statement_id,
        campaign_id=item.campaign_id,
        platform_id=item.platform_id or "",
        business_on=date.fromisoformat(item.business_on),
        gross=_tally(payload["gross"]),
        refunds=_tally(payload["refunds"]),
        adjustments=_tally(payload["adjustments"]),
        adjusting=NetTally(
            count=payload["adjusting"]["count"], parts=NetParts(**_amounts(payload["adjusting"]))
        ),
        entries_digest=payload["entries_digest"],
        bill_version=payload["bill_version"],
    )


def _tally_document(tally: Tally | NetTally) -> dict[str, int]:
    return {
        "count": tally.count,
        "fiscal_fen": tally.parts.fiscal_fen,
        "platform_fen": tally.parts.platform_fen,
        "merchant_fen": tally.parts.merchant_fen,
    }


def _tally(document: dict[str, int]) -> Tally:
    return Tally(count=document["count"], parts=FundingParts(**_amounts(document)))


def _amounts(document: dict[str, int]) -> dict[str, int]:
    return {name: fen for name, fen in document.items() if name != "count"}

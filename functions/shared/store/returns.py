"""Fund returns: the transactions that take a campaign's money out, back to where it came from.

close       statement put (the guard) · campaign: unallocated, held back -> returned, CLOSED
supplement  statement put (the guard) · campaign: unallocated -> returned
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.fund_return import (
    FundReturn,
    from_payload,
    statement_key,
    to_payload,
)
from functions.shared.domain.funds import CampaignRecord
from functions.shared.store.connection import Database
from functions.shared.store.tables import CampaignItem, SettlementItem
from functions.shared.store.transaction import Cancelled

FUND_RETURN = "FUND_RETURN"
"""The kind of a return's statement."""


class ReturnStore:
    """Fund returns by campaign and run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fund_return(self, campaign_id: str, run: int) -> FundReturn | None:
        """The return of that run, strongly consistent; None while there is none."""
        item = self._database.get(SettlementItem, campaign_id, statement_key(run))
        return from_payload(item.payload) if item else None

    def all(self, campaign_id: str) -> Iterator[FundReturn]:
        """Every return of the campaign, by run, strongly consistent."""
        for item in self._database.query(SettlementItem, campaign_id):
            if item.kind == FUND_RETURN:
                yield from_payload(item.payload)

    def close(
        self, fund_return: FundReturn, record: CampaignRecord, *, now: datetime
    ) -> FundReturn:
        """Closes the campaign with its return; the stored return where that was done before.

        The campaign must be just as recorded, and hold exactly what is returned.

        Raises:
            Cancelled: the campaign or its money changed in between; read both again.
            Busy: contention outlasted the retries.

        """
        held_back_fen = record.funds.held_back_fen
        return self._take_out(
            "close_campaign",
            fund_return,
            [
                CampaignItem.state.set(CampaignState.CLOSED.value),
                CampaignItem.closed_at.set(now),
                CampaignItem.version.set(record.version + 1),
                CampaignItem.unallocated_fen.set(0),
                CampaignItem.held_back_fen.set(0),
                CampaignItem.returned_fen.add(fund_return.to_return_fen),
            ],
            (CampaignItem.version == record.version)
            & (CampaignItem.unallocated_fen == fund_return.to_return_fen - held_back_fen)
            & (CampaignItem.held_back_fen == held_back_fen)
            & (CampaignItem.returned_fen == fund_return.returned_before_fen),
            now=now,
        )

    def supplement(self, fund_return: FundReturn, *, now: datetime) -> FundReturn:
        """Returns what late refunds brought back; the stored return where that was done before.

        Raises:
            Cancelled: that money is not, or not yet, unallocated, or another return came between.
            Busy: contention outlasted the retries.

        """
        to_return_fen = fund_return.to_return_fen
        return self._take_out(
            "supplement_return",
            fund_return,
            [
                CampaignItem.unallocated_fen.add(-to_return_fen),
                CampaignItem.returned_fen.add(to_return_fen),
            ],
            (CampaignItem.state == CampaignState.CLOSED.value)
            & (CampaignItem.unallocated_fen >= to_return_fen)
            & (CampaignItem.returned_fen == fund_return.returned_before_fen),
            now=now,
        )

    def _take_out(
        self,
        label: str,
        fund_return: FundReturn,
        actions: list[Action],
        condition: Condition,
        *,
        now: datetime,
    ) -> FundReturn:
        transaction = self._database.transaction(label)
        transaction.put(
            "statement",
            SettlementItem(
                fund_return.campaign_id,
                fund_return.statement_key,
                kind=FUND_RETURN,
                statement_id=fund_return.reference,
                business_on=business_date(now).isoformat(),
                payload=to_payload(fund_return),
                amount_fen=fund_return.to_return_fen,
                made_at=now,
            ),
            SettlementItem.statement_key.does_not_exist(),
        )
        transaction.update("campaign", CampaignItem(fund_return.campaign_id), actions, condition)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("statement", SettlementItem)
            if stored is None:
                raise
            return from_payload(stored.payload)
        return fund_return

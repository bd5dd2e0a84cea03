"""Fund returns: the transaction that closes a campaign and takes its last money out.

close     statement put (the guard) · campaign: unallocated -> returned, CLOSED
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

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
        transaction = self._database.transaction("close_campaign")
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
        transaction.update(
            "campaign",
            CampaignItem(fund_return.campaign_id),
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
        )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("statement", SettlementItem)
            if stored is None:
                raise
            return from_payload(stored.payload)
        return fund_return

"""Campaigns and the money that is in no pool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from functions.shared.domain.campaign import (
    Campaign,
    CampaignState,
)
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Funds
from functions.shared.store.connection import Database
from functions.shared.store.tables import CampaignItem
from functions.shared.store.transaction import Cancelled


class CampaignStore:
    """Campaigns by id; every change is a compare-and-set on the version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, campaign_id: str) -> CampaignRecord | None:
        """The campaign, strongly consistent; None when there is none."""
        item = self._database.get(CampaignItem, campaign_id)
        return _record(item) if item else None

    def all(self) -> Iterator[CampaignRecord]:
        """Every campaign: a district has tens of them, and the table holds nothing else."""
        for item in self._database.scan(CampaignItem):
            yield _record(item)

    def put_draft(
        self,
        campaign: Campaign,
        document: str,
        *,
        expected_version: int | None,
        made_by: str,
        now: datetime,
    ) -> CampaignRecord:
        """Stores a draft: new where no version is expected, else in place of that version.

        The same draft sent again by the same person is answered with what is stored.

        Raises:
            HuiminError: VERSION_MISMATCH (another version is stored, or one is stored already),
                CAMPAIGN_STATE (it is no draft any more).

        """
        item = CampaignItem(
            campaign.campaign_id,
            version=(expected_version or 0) + 1,
            state=CampaignState.DRAFT.value,
            document=document,
            made_by=made_by,
            made_at=now,
            appropriated_fen=campaign.appropriated_fen,
            unallocated_fen=campaign.appropriated_fen,
            returned_fen=0,
            settled_fen=0,
            adjusted_fen=0,
            held_back_fen=0,
        )
        condition = (
            CampaignItem.campaign_id.does_not_exist()
            if expected_version is None
            else (CampaignItem.version == expected_version)
            & (CampaignItem.state == CampaignState.DRAFT.value)
        )
        transaction = self._database.transaction("put_draft")
        transaction.put("campaign", item, condition)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("campaign", CampaignItem)
            if (
                stored is not None
                and (stored.document, stored.made_by, stored.version)
                == (item.document, item.made_by, item.version)
                and stored.state == CampaignState.DRAFT.value
            ):
                return _record(stored)
            raise _refused(stored) from cancelled
        return _record(item)

    def change_state(
        self,
        record: CampaignRecord,
        state: CampaignState,
        *,
        approved_by: str | None = None,
        now: datetime,
    ) -> CampaignRecord:
        """Moves the campaign from the state of `record` to another, once.

        Raises:
            HuiminError: VERSION_MISMATCH when somebody else changed it in between.

        """
        actions = [
            CampaignItem.state.set(state.value),
            CampaignItem.version.set(record.version + 1),
        ]
        if approved_by is not None:
            actions += [
                CampaignItem.approved_by.set(approved_by),
                CampaignItem.approved_at.set(now),
            ]
        transaction = self._database.transaction(f"campaign_{state.value.lower()}")
        transaction.update(
            "campaign",
            CampaignItem(record.campaign.campaign_id),
            actions,
            CampaignItem.version == record.version,
        )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("campaign", CampaignItem)
            if stored is None or stored.state != state.value:
                raise _refused(stored, expected=record.state) from cancelled
        changed = self.get(record.campaign.campaign_id)
        assert changed is not None  # noqa: S101 - campaigns are never deleted
        return changed

    def mark_swept(self, campaign_id: str, until: datetime) -> None:
        """Notes that every voucher whose validity ended by then has been written down as ended.

        The version stays: nobody who read the campaign needs to read it again for this.
        """
        transaction = self._database.transaction("mark_swept")
        transaction.update(
            "campaign",
            CampaignItem(campaign_id),
            [CampaignItem.swept_until.set(until)],
            CampaignItem.campaign_id.exists()
            & (CampaignItem.swept_until.does_not_exist() | (CampaignItem.swept_until < until)),
        )
        # A later run has been further: then there is nothing to note.
        with suppress(Cancelled):
            transaction.commit()


def _refused(
    stored: CampaignItem | None, *, expected: CampaignState = CampaignState.DRAFT
) -> HuiminError:
    if stored is None:
        return HuiminError(Code.VERSION_MISMATCH, stored_version=0)
    if stored.state != expected.value:
        return HuiminError(Code.CAMPAIGN_STATE, state=stored.state)
    return HuiminError(Code.VERSION_MISMATCH, stored_version=stored.version)


def _record(item: CampaignItem) -> CampaignRecord:
    return CampaignRecord(
        campaign=campaign_from_document(json.loads(item.document)),
        document=item.document,
        version=item.version,
        state=CampaignState(item.state),
        funds=Funds(
            appropriated_fen=item.appropriated_fen,
            unallocated_fen=item.unallocated_fen,
            returned_fen=item.returned_fen,
            settled_fen=item.settled_fen,
            adjusted_fen=item.adjusted_fen,
            held_back_fen=item.held_back_fen,
        ),
        made_by=item.made_by,
        made_at=item.made_at,
        approved_by=item.approved_by,
        approved_at=item.approved_at,
        closed_at=item.closed_at,
        swept_until=item.swept_until,
    )

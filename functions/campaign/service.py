"""The bureau's plane: campaigns made by one person and approved by another, and the registry."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.shared.domain.campaign import (
    CampaignState,
    Round,
)
from functions.shared.domain.campaign_checks import Finding, check_campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, PoolState, pool_key
from functions.shared.domain.registry import Merchant, Platform
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.stock import StockStore

_OTHER_ID = Finding(
    "/campaign_id",
    "is not the id in the path; make the two equal",
    "与路径中的编号不一致，请改为相同",
)
SHOWN_STATES = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})


@dataclass(frozen=True, slots=True)
class StockLeft:
    """Units of a pool that no claim has drawn yet, as they were when read."""

    round_id: str
    voucher_type_id: str
    left: int


class CampaignService:
    """The use cases of the campaign function.

    Args:
        campaigns: the campaigns.
        stock: pools and shards.
        registry: platforms and merchants.
        bureau_roles: the ARNs of the bureau's own roles, which no platform can have.

    """

    def __init__(
        self,
        campaigns: CampaignStore,
        stock: StockStore,
        registry: RegistryStore,
        *,
        bureau_roles: Collection[str] = (),
    ) -> None:
        self._campaigns = campaigns
        self._stock = stock
        self._registry = registry
        self._bureau_roles = bureau_roles

    def put_campaign(
        self,
        campaign_id: str,
        document: Mapping[str, Any],
        *,
        expected_version: int | None,
        made_by: str,
        now: datetime,
    ) -> CampaignRecord:
        """Stores a draft that could be published as it stands.

        Raises:
            HuiminError: CAMPAIGN_INVALID with every finding, VERSION_MISMATCH, CAMPAIGN_STATE.

        """
        findings = [] if document["campaign_id"] == campaign_id else [_OTHER_ID]
        campaign = campaign_from_document(document)
        findings += check_campaign(campaign)
        if findings:
            errors = [{"pointer": f.pointer, "en": f.en, "zh": f.zh} for f in findings]
            raise HuiminError(Code.CAMPAIGN_INVALID, errors=errors)
        return self._campaigns.put_draft(
            campaign,
            json.dumps(document, ensure_ascii=False, separators=(",", ":")),
            expected_version=expected_version,
            made_by=made_by,
            now=now,
        )

    def get_campaign(self, campaign_id: str) -> CampaignRecord:
        """The campaign, in whatever state.

        Raises:
            HuiminError: NOT_FOUND.

        """
        record = self._campaigns.get(campaign_id)
        if record is None:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record

    def approve_campaign(
        self, campaign_id: str, *, version: int, approver: str, now: datetime
    ) -> CampaignRecord:
        """Approves the very version that the approver read, and funds its pools.

        Money moves only here, and only after a second person's word. A run that died on the way is
        taken up by sending the approval again, or by the reconciler.

        Raises:
            HuiminError: NOT_FOUND, SAME_PERSON, VERSION_MISMATCH, CAMPAIGN_STATE.

        """
        record = self.get_campaign(campaign_id)
        if record.state is CampaignState.DRAFT:
            if record.made_by == approver:
                raise HuiminError(Code.SAME_PERSON)
            if record.version != version:
                raise HuiminError(Code.VERSION_MISMATCH, stored_version=record.version)
            record = self._campaigns.change_state(
                record, CampaignState.FUNDING, approved_by=approver, now=now
            )
        elif record.approved_by != approver:
            raise HuiminError(Code.CAMPAIGN_STATE, state=record.state.value)
        if record.state is CampaignState.FUNDING:
            self._stock.fund_all(record.campaign)
            record = self._campaigns.change_state(record, CampaignState.RUNNING, now=now)
        return record

    def pause_campaign(self, campaign_id: str, now: datetime) -> CampaignRecord:
        """Stops claims, holds and redemptions; when it returns, no shard can be drawn from.

        Refunds and releases go on: what a consumer is owed is never held up.

        Raises:
            HuiminError: NOT_FOUND, CAMPAIGN_STATE.

        """
        return self._switch(campaign_id, CampaignState.RUNNING, CampaignState.PAUSED, now)

    def resume_campaign(self, campaign_id: str, now: datetime) -> CampaignRecord:
        """Opens a paused campaign again.

        Raises:
            HuiminError: NOT_FOUND, CAMPAIGN_STATE.

        """
        return self._switch(campaign_id, CampaignState.PAUSED, CampaignState.RUNNING, now)

    def _switch(
        self, campaign_id: str, state: CampaignState, to: CampaignState, now: datetime
    ) -> CampaignRecord:
        record = self.get_campaign(campaign_id)
        if record.state is state:
            record = self._campaigns.change_state(record, to, now=now)
        elif record.state is not to:
            raise HuiminError(Code.CAMPAIGN_STATE, state=record.state.value)
        # Also when the state is there already: a run that died may have left shards behind.
        for pool in self._stock.pools(campaign_id):
            self._stock.set_state(
                pool, PoolState.PAUSED if to is CampaignState.PAUSED else PoolState.OPEN
            )
        return record

    def open_campaigns(self, platform_id: str) -> list[CampaignRecord]:
        """The campaigns in which the platform has stock, running or paused, by id."""
        records = [
            record
            for record in self._campaigns.all()
            if record.state in SHOWN_STATES and platform_id in record.campaign.platform_ids
        ]
        return sorted(records, key=lambda record: record.campaign.campaign_id)

    def open_campaign(
        self, platform_id: str, campaign_id: str, now: datetime
    ) -> tuple[CampaignRecord, list[StockLeft]]:
        """A campaign open to the platform, and what is left in its pools that claims can draw.

        Raises:
            HuiminError: NOT_FOUND, also when the platform has no stock in it.

        """
        record = self.get_campaign(campaign_id)
        if record.state not in SHOWN_STATES or platform_id not in record.campaign.platform_ids:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record, [
            left
            for in_round in record.campaign.rounds
            if in_round.opens_at <= now < in_round.closes_at
            for left in self._stock_left(campaign_id, in_round, platform_id)
        ]

    def _stock_left(self, campaign_id: str, in_round: Round, platform_id: str) -> list[StockLeft]:
        lefts = []
        for allocation in in_round.stock:
            if allocation.platform_id != platform_id:
                continue
            key = pool_key(in_round.round_id, allocation.voucher_type_id, platform_id)
            pool = self._stock.pool(campaign_id, key)
            left = sum(shard.available for shard in self._stock.shards(pool)) if pool else 0
            lefts.append(StockLeft(in_round.round_id, allocation.voucher_type_id, left))
        return lefts

    def put_platform(
        self, platform: Platform, *, expected_version: int | None, now: datetime
    ) -> Platform:
        """Registers a platform, or changes its facts.

        Raises:
            HuiminError: VERSION_MISMATCH, ROLE_TAKEN (also for a role of the bureau's).

        """
        if platform.role_arn in self._bureau_roles:
            # Its calls would be taken for the bureau's: the platform could never be reached.
            raise HuiminError(Code.ROLE_TAKEN)
        version = (expected_version or 0) + 1
        return self._registry.put_platform(
            replace(platform, version=version), expected_version=expected_version, now=now
        )

    def get_platform(self, platform_id: str) -> Platform:
        """The platform.

        Raises:
            HuiminError: NOT_FOUND.

        """
        platform = self._registry.platform(platform_id)
        if platform is None:
            raise HuiminError(Code.NOT_FOUND, what="platform")
        return platform

    def put_merchant(self, merchant: Merchant, *, now: datetime) -> bool:
        """Registers a merchant's facts from a date on; False when they stood there already.

        Raises:
            HuiminError: MERCHANT_DATED when other facts stand for that very date.

        """
        return self._registry.put_merchant(merchant, now=now)

    def get_merchant(self, merchant_id: str) -> list[Merchant]:
        """All facts of the merchant, by the date from which they count.

        Raises:
            HuiminError: NOT_FOUND.

        """
        history = self._registry.merchant_history(merchant_id)
        if not history:
            raise HuiminError(Code.NOT_FOUND, what="merchant")
        return history

"""Claims: one voucher, once, for a natural person, from stock that is never oversold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from functions.shared.domain.campaign import (
    Campaign,
    CampaignState,
    Round,
    VoucherType,
    validity_of,
)
from functions.shared.domain.claims import PersonFacts, require_claimable
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Pool, pool_key
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.ids import content_hash, voucher_id
from functions.shared.domain.keys import Keys
from functions.shared.domain.limits import claim_counters
from functions.shared.domain.memory import Memory
from functions.shared.domain.persons import identity_refs
from functions.shared.domain.vouchers import TimelineEntry, Voucher, VoucherEvent, VoucherState
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.stock import StockStore
from functions.shared.store.vouchers import Draw, VoucherStore

# A pause of the campaign shows within this time; that of its shards shows at once.
CAMPAIGN_LIFETIME = timedelta(seconds=2)
# A pool's shard count never changes once it is funded.
POOL_LIFETIME = timedelta(minutes=10)
# Shards drawn from blindly before all of them are read for what is left.
BLIND_DRAWS = 3
# Readings of all shards before giving up on a pool that empties as fast as it is read.
READINGS = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """What a platform asks for; `identities` are normalised and neither stored nor logged."""

    platform_id: str
    request_no: str
    campaign_id: str
    round_id: str
    voucher_type_id: str
    identities: dict[IdentityKind, str]
    facts: PersonFacts


@dataclass(frozen=True, slots=True)
class Claimed:
    """The voucher of a claim, and whether the same number had made it before."""

    voucher: Voucher
    voucher_type: VoucherType
    replayed: bool


class ClaimService:
    """The use case of the issue function.

    Args:
        campaigns: the campaigns.
        stock: pools and shards.
        vouchers: the vouchers.
        keys: the deployment's keys.
        random: chooses the shard; correctness does not depend on it.

    """

    def __init__(
        self,
        campaigns: CampaignStore,
        stock: StockStore,
        vouchers: VoucherStore,
        keys: Keys,
        random: Random,
    ) -> None:
        self._campaigns = campaigns
        self._stock = stock
        self._vouchers = vouchers
        self._keys = keys
        self._random = random
        self._records: Memory[str, CampaignRecord | None] = Memory(CAMPAIGN_LIFETIME)
        self._pools: Memory[tuple[str, str], Pool | None] = Memory(POOL_LIFETIME)

    def claim_voucher(self, claim: Claim, now: datetime) -> Claimed:
        """Issues one voucher, or gives the one that the same number made before.

        Raises:
            HuiminError: why not; nothing has changed.
            Busy: contention outlasted the retries.

        """
        record = self._record(claim, now)
        refs = identity_refs(
            claim.identities,
            wanted=record.campaign.identities,
            platform_id=claim.platform_id,
            keys=self._keys,
        )
        asked = _asked_hash(claim, refs)
        try:
            in_round, voucher_type = require_claimable(
                record,
                round_id=claim.round_id,
                voucher_type_id=claim.voucher_type_id,
                platform_id=claim.platform_id,
                facts=claim.facts,
                now=now,
            )
            pool = self._pool(claim, now)
        except HuiminError as refusal:
            # What is refused now may have been granted to the same number before. Once a draw is
            # tried, the transaction itself looks for that voucher first.
            return self._replay(claim, asked, record.campaign, refusal)
        voucher = self._new_voucher(claim, refs, asked, in_round, voucher_type, now)
        return self._draw(voucher, pool, record.campaign, voucher_type)

    def _record(self, claim: Claim, now: datetime) -> CampaignRecord:
        record = self._records.recall(
            claim.campaign_id, now, lambda: self._campaigns.get(claim.campaign_id)
        )
        if record is None or not record.is_known_to(claim.platform_id):
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record

    def _pool(self, claim: Claim, now: datetime) -> Pool:
        key = (
            claim.campaign_id,
            pool_key(claim.round_id, claim.voucher_type_id, claim.platform_id),
        )
        pool = self._pools.recall(key, now, lambda: self._stock.pool(*key))
        if pool is None:
            self._pools.forget(key)
            raise HuiminError(Code.CAMPAIGN_NOT_RUNNING, state=CampaignState.FUNDING.value)
        return pool

    def _new_voucher(
        self,
        claim: Claim,
        refs: tuple[str, ...],
        asked: str,
        in_round: Round,
        voucher_type: VoucherType,
        now: datetime,
    ) -> Voucher:
        valid_from, valid_until = validity_of(voucher_type, in_round, now)
        return Voucher(
            voucher_id=voucher_id(claim.platform_id, claim.request_no, key=self._keys.id_key),
            campaign_id=claim.campaign_id,
            round_id=claim.round_id,
            voucher_type_id=claim.voucher_type_id,
            platform_id=claim.platform_id,
            person_ref=refs[0],
            identity_refs=refs,
            shard_id="",
            request_no=claim.request_no,
            content_hash=asked,
            state=VoucherState.ISSUED,
            issued_at=now,
            valid_from=valid_from,
            valid_until=valid_until,
            reserve_fen=voucher_type.unit_reserve_fen,
            slack_fen=0,
            timeline=(TimelineEntry(now, VoucherEvent.CLAIMED, claim.request_no),),
        )

    def _draw(
        self, voucher: Voucher, pool: Pool, campaign: Campaign, voucher_type: VoucherType
    ) -> Claimed:
        counters = claim_counters(
            campaign,
            round_id=voucher.round_id,
            voucher_type_id=voucher.voucher_type_id,
            platform_id=voucher.platform_id,
        )
        for shard_id in self._shards_to_try(pool):
            outcome = self._vouchers.commit_claim(replace(voucher, shard_id=shard_id), counters)
            if outcome.draw is Draw.PAUSED:
                raise HuiminError(Code.CAMPAIGN_PAUSED)
            if outcome.voucher is not None:
                replayed = outcome.draw is Draw.REPLAYED
                return Claimed(outcome.voucher, voucher_type, replayed)
        raise HuiminError(Code.SOLD_OUT)

    def _shards_to_try(self, pool: Pool) -> Iterator[str]:
        """A few shards at random, then those seen to hold units; ends when none is seen to.

        Raises:
            Busy: units were seen again and again, and others took them first.

        """
        yield from self._random.sample(pool.shard_ids(), min(BLIND_DRAWS, pool.shard_count))
        for _ in range(READINGS):
            holding = [shard.shard_id for shard in self._stock.shards(pool) if shard.available]
            if not holding:
                return
            self._random.shuffle(holding)
            yield from holding
        raise Busy(operation="claim")

    def _replay(
        self, claim: Claim, asked: str, campaign: Campaign, refusal: HuiminError
    ) -> Claimed:
        number = voucher_id(claim.platform_id, claim.request_no, key=self._keys.id_key)
        stored = self._vouchers.get(number)
        if stored is None:
            raise refusal
        if stored.content_hash != asked:
            raise HuiminError(Code.KEY_REUSED, number=claim.request_no) from refusal
        voucher_type = campaign.voucher_type(stored.voucher_type_id)
        if voucher_type is None:
            raise refusal
        return Claimed(stored, voucher_type, replayed=True)


def _asked_hash(claim: Claim, refs: tuple[str, ...]) -> str:
    """What makes two requests the same: all that was asked for, and for whom."""
    return content_hash(
        {
            "campaign_id": claim.campaign_id,
            "round_id": claim.round_id,
            "voucher_type_id": claim.voucher_type_id,
            "refs": refs,
            "real_name": claim.facts.real_name,
            "located_in": claim.facts.located_in,
        }
    )

"""Claims: vouchers, once, for a natural person, from stock that is never oversold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.shared.domain.campaign import (
    Campaign,
    Distribution,
    Round,
    VoucherType,
)
from functions.shared.domain.claims import PersonFacts, require_claimable
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.ids import content_hash, pack_voucher_id, voucher_id
from functions.shared.domain.keys import Keys
from functions.shared.domain.limits import add_up, claim_counters
from functions.shared.domain.persons import identity_refs
from functions.shared.domain.vouchers import Voucher, VoucherEvent, new_voucher
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.vouchers import VoucherStore


@dataclass(frozen=True, slots=True)
class Claim:
    """What a platform asks for; `identities` are normalised and neither stored nor logged.

    Either `voucher_type_id` or `pack_id` is given. With `first_attempt` the platform vouches that
    it has never sent this number before.
    """

    platform_id: str
    request_no: str
    campaign_id: str
    round_id: str
    voucher_type_id: str | None
    identities: dict[IdentityKind, str]
    facts: PersonFacts
    pack_id: str | None = None
    first_attempt: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """The vouchers of a claim and their types, and whether the same number had made them before.

    A pack's are in the pack's order.
    """

    vouchers: tuple[Voucher, ...]
    voucher_types: tuple[VoucherType, ...]
    replayed: bool
    pack_id: str | None = None


class ClaimService:
    """The use case of the issue function.

    Args:
        offers: what there is to claim.
        vouchers: the vouchers that there are.
        issuer: issues new ones.
        keys: the deployment's keys.

    """

    def __init__(
        self,
        offers: Offers,
        vouchers: VoucherStore,
        issuer: Issuer,
        keys: Keys,
    ) -> None:
        self._offers = offers
        self._vouchers = vouchers
        self._issuer = issuer
        self._keys = keys

    def claim_voucher(self, claim: Claim, now: datetime) -> Claimed:
        """Issues a voucher or a whole pack, or gives what the same number made before.

        Raises:
            HuiminError: why not; nothing has changed.
            Busy: contention outlasted the retries.

        """
        record = self._offers.campaign(claim.campaign_id, claim.platform_id, now)
        campaign = record.campaign
        refs = identity_refs(
            claim.identities,
            wanted=campaign.identities,
            platform_id=claim.platform_id,
            keys=self._keys,
        )
        asked = _asked_hash(claim, refs)
        try:
            wanted = _wanted_types(claim, campaign)
            in_round, voucher_types = require_claimable(
                record,
                round_id=claim.round_id,
                voucher_type_ids=wanted,
                platform_id=claim.platform_id,
                way=Distribution.FIRST_COME,
                facts=claim.facts,
                now=now,
            )
            pools = [
                self._offers.pool(
                    claim.campaign_id, claim.round_id, type_id, claim.platform_id, now
                )
                for type_id in wanted
            ]
            remembered = self._issuer.remembered_refusal(pools, now)
            if remembered is not None:
                raise remembered
            vouchers = self._new_vouchers(claim, refs, asked, in_round, voucher_types, now)
            counters = add_up(
                counter
                for voucher_type_id in wanted
                for counter in claim_counters(
                    campaign,
                    round_id=claim.round_id,
                    voucher_type_id=voucher_type_id,
                    platform_id=claim.platform_id,
                )
            )
            issued = self._issuer.issue(vouchers, pools, counters, now)
        except HuiminError as refusal:
            if claim.first_attempt or refusal.code in _DECIDED_WITH_THE_GUARD:
                raise
            # What is refused now may have been granted to the same number before.
            return self._replay(claim, asked, campaign, refusal)
        if issued.replayed:
            return self._replayed(claim, issued.vouchers[0], campaign)
        return Claimed(issued.vouchers, voucher_types, replayed=False, pack_id=claim.pack_id)

    def _new_vouchers(
        self,
        claim: Claim,
        refs: tuple[str, ...],
        asked: str,
        in_round: Round,
        voucher_types: Sequence[VoucherType],
        now: datetime,
    ) -> list[Voucher]:
        return [
            new_voucher(
                voucher_id=self._voucher_id(claim, number),
                campaign_id=claim.campaign_id,
                in_round=in_round,
                voucher_type=voucher_type,
                platform_id=claim.platform_id,
                identity_refs=refs,
                request_no=claim.request_no,
                content_hash=asked,
                event=VoucherEvent.CLAIMED,
                now=now,
            )
            for number, voucher_type in enumerate(voucher_types)
        ]

    def _voucher_id(self, claim: Claim, place: int) -> str:
        return pack_voucher_id(claim.platform_id, claim.request_no, place, key=self._keys.id_key)

    def _replay(
        self, claim: Claim, asked: str, campaign: Campaign, refusal: HuiminError
    ) -> Claimed:
        number = voucher_id(claim.platform_id, claim.request_no, key=self._keys.id_key)
        stored = self._vouchers.get(number)
        if stored is None:
            raise refusal
        if stored.content_hash != asked:
            raise HuiminError(Code.KEY_REUSED, number=claim.request_no) from refusal
        return self._replayed(claim, stored, campaign)

    def _replayed(self, claim: Claim, first: Voucher, campaign: Campaign) -> Claimed:
        """The answer that the claim had when it made that voucher, the first of its pack or all."""
        wanted = _wanted_types(claim, campaign)
        names = [self._voucher_id(claim, place) for place in range(1, len(wanted))]
        further = {v.voucher_id: v for v in self._vouchers.many(names)} if names else {}
        vouchers = (first, *(further[name] for name in names))
        types = (campaign.voucher_type(voucher.voucher_type_id) for voucher in vouchers)
        return Claimed(
            vouchers,
            # The rules of a campaign that has issued vouchers never change.
            tuple(voucher_type for voucher_type in types if voucher_type is not None),
            replayed=True,
            pack_id=claim.pack_id,
        )


# The transaction itself, or something before any state was looked at, has decided these: no
# earlier answer to the same number can say otherwise.
_DECIDED_WITH_THE_GUARD = frozenset({Code.PERSON_LIMIT_REACHED, Code.KEY_REUSED, Code.BUSY})


def _wanted_types(claim: Claim, campaign: Campaign) -> tuple[str, ...]:
    """The type of each voucher that the claim asks for."""
    if claim.pack_id is None:
        return (claim.voucher_type_id or "",)
    pack = campaign.pack(claim.pack_id)
    if pack is None:
        raise HuiminError(Code.NOT_FOUND, what="pack")
    return pack.voucher_type_ids


def _asked_hash(claim: Claim, refs: tuple[str, ...]) -> str:
    """What makes two requests the same: all that was asked for, and for whom."""
    asked: dict[str, object] = {
        "campaign_id": claim.campaign_id,
        "round_id": claim.round_id,
        "refs": refs,
        "real_name": claim.facts.real_name,
        "located_in": claim.facts.located_in,
    }
    what = ("voucher_type_id", claim.voucher_type_id)
    if claim.pack_id is not None:
        what = ("pack_id", claim.pack_id)
    return content_hash(dict([what], **asked))

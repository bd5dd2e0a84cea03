"""Earned vouchers (消费送券): an order earns one, once; its refund takes it back before use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import Campaign, Distribution, VoucherType
from functions.shared.domain.claims import PersonFacts, require_claimable
from functions.shared.domain.earnings import (
    Earning,
    EarningRefund,
    after_plain_refund,
    base_left_fen,
    earned_state,
    plain_order,
    require_earns,
    rule_of,
    take_back,
)
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.ids import content_hash, earned_voucher_id, redemption_id
from functions.shared.domain.keys import Keys
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.limits import claim_counters
from functions.shared.domain.orders import Order
from functions.shared.domain.persons import identity_refs
from functions.shared.domain.refund_window import require_refundable
from functions.shared.domain.refunds import NOTHING_REFUNDED
from functions.shared.domain.tills import require_merchant
from functions.shared.domain.vouchers import Voucher, VoucherEvent, new_voucher
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.earnings import EarningRefundPlan, EarningStore
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import VoucherStore

# An order's earning and its refunds that meet are taken one after the other.
TRIES = 5


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order that may earn a voucher, and whose it is; amounts in fen.

    `identities` are normalised and neither stored nor logged. Where the order redeemed a voucher,
    everything must be what the redemption says.
    """

    platform_id: str
    campaign_id: str
    round_id: str
    voucher_type_id: str
    order_no: str
    merchant_id: str
    order_fen: int
    merchant_discount_fen: int
    platform_discount_fen: int
    identities: Mapping[IdentityKind, str]
    facts: PersonFacts


@dataclass(frozen=True, slots=True)
class PlainRefund:
    """A refund of a plain order; `refund_fen` is of what the consumer paid."""

    platform_id: str
    voucher_id: str
    refund_no: str
    refund_fen: int


@dataclass(frozen=True, slots=True)
class Earned:
    """The voucher of an order, its type, and whether the same order had earned it before."""

    voucher: Voucher
    voucher_type: VoucherType
    replayed: bool


@dataclass(frozen=True, slots=True)
class EarnStores:
    """What the earn function reads and writes."""

    vouchers: VoucherStore
    ledger: LedgerStore
    registry: RegistryStore
    earnings: EarningStore


class EarnService:
    """The use cases of the earn function.

    Args:
        offers: campaigns and their pools.
        stores: vouchers, ledger, registry and earnings.
        issuer: issues the vouchers.
        keys: the deployment's keys.

    """

    def __init__(self, offers: Offers, stores: EarnStores, issuer: Issuer, keys: Keys) -> None:
        self._offers = offers
        self._stores = stores
        self._issuer = issuer
        self._keys = keys

    def earn_voucher(self, purchase: Purchase, now: datetime) -> Earned:
        """Issues the voucher that the order earns, or gives the one that it has earned.

        Raises:
            HuiminError: why not; nothing has changed.
            Busy: contention outlasted the retries.

        """
        record = self._offers.campaign(purchase.campaign_id, purchase.platform_id, now)
        refs = identity_refs(
            purchase.identities,
            wanted=record.campaign.identities,
            platform_id=purchase.platform_id,
            keys=self._keys,
        )
        asked = _purchase_hash(purchase, refs)
        for _ in range(TRIES):
            try:
                return self._earn(purchase, record, refs, asked, now)
            except Cancelled:
                # The order was refunded, or redeemed, in between.
                continue
            except HuiminError as refusal:
                # What is refused now may have been earned by the same order before.
                stored = self._stores.vouchers.get(self._voucher_id(purchase))
                if stored is None:
                    raise
                return _again(stored, record.campaign, purchase, asked, refusal)
        raise Busy(operation="earn")

    def _earn(
        self,
        purchase: Purchase,
        record: CampaignRecord,
        refs: tuple[str, ...],
        asked: str,
        now: datetime,
    ) -> Earned:
        campaign = record.campaign
        in_round, (voucher_type,) = require_claimable(
            record,
            round_id=purchase.round_id,
            voucher_type_ids=(purchase.voucher_type_id,),
            platform_id=purchase.platform_id,
            way=Distribution.EARNED,
            facts=purchase.facts,
            now=now,
        )
        number = redemption_id(purchase.platform_id, purchase.order_no, key=self._keys.id_key)
        redemption = self._stores.ledger.redemption(number)
        earning = self._earning(purchase, campaign, redemption, refs, asked, now)
        pool = self._offers.pool(
            purchase.campaign_id,
            purchase.round_id,
            purchase.voucher_type_id,
            purchase.platform_id,
            now,
        )
        remembered = self._issuer.remembered_refusal([pool], now)
        if remembered is not None:
            raise remembered
        voucher = new_voucher(
            voucher_id=earning.voucher_id,
            campaign_id=purchase.campaign_id,
            in_round=in_round,
            voucher_type=voucher_type,
            platform_id=purchase.platform_id,
            identity_refs=refs,
            request_no=purchase.order_no,
            content_hash=asked,
            event=VoucherEvent.EARNED,
            now=now,
        )
        counters = claim_counters(
            campaign,
            round_id=purchase.round_id,
            voucher_type_id=purchase.voucher_type_id,
            platform_id=purchase.platform_id,
        )
        also = self._stores.earnings.earning(earning, number, redemption)
        issued = self._issuer.issue([voucher], [pool], counters, now, also=also)
        return Earned(issued.vouchers[0], voucher_type, issued.replayed)

    def _earning(
        self,
        purchase: Purchase,
        campaign: Campaign,
        redemption: Redemption | None,
        refs: tuple[str, ...],
        asked: str,
        now: datetime,
    ) -> Earning:
        """What the order earns, once its amount is enough; not yet written."""
        if redemption is None:
            merchant = self._stores.registry.merchant(purchase.merchant_id, on=business_date(now))
            require_merchant(campaign, merchant, purchase.merchant_id)
            amounts = plain_order(
                Order(
                    order_fen=purchase.order_fen,
                    merchant_discount_fen=purchase.merchant_discount_fen,
                    platform_discount_fen=purchase.platform_discount_fen,
                )
            )
            refunded = NOTHING_REFUNDED
        else:
            self._require_same_order(purchase, redemption, refs)
            amounts, refunded = redemption.amounts, redemption.refunded
        require_earns(rule_of(campaign, purchase.voucher_type_id), amounts, refunded)
        return Earning(
            voucher_id=self._voucher_id(purchase),
            campaign_id=purchase.campaign_id,
            round_id=purchase.round_id,
            voucher_type_id=purchase.voucher_type_id,
            platform_id=purchase.platform_id,
            order_no=purchase.order_no,
            merchant_id=purchase.merchant_id,
            redemption_id=redemption.redemption_id if redemption else None,
            amounts=None if redemption else amounts,
            content_hash=asked,
            recorded_at=now,
        )

    def _require_same_order(
        self, purchase: Purchase, redemption: Redemption, refs: tuple[str, ...]
    ) -> None:
        """Passes when the purchase is what the order redeemed a voucher for, by the same person.

        Raises:
            HuiminError: ORDER_ALREADY_USED (in another campaign), KEY_REUSED (other amounts, or
                another merchant), NOT_ELIGIBLE (another person).

        """
        if redemption.campaign_id != purchase.campaign_id:
            raise HuiminError(Code.ORDER_ALREADY_USED, order_no=purchase.order_no)
        amounts = redemption.amounts
        if (
            redemption.merchant_id,
            amounts.order_fen,
            amounts.merchant_discount_fen,
            amounts.platform_discount_fen,
        ) != (
            purchase.merchant_id,
            purchase.order_fen,
            purchase.merchant_discount_fen,
            purchase.platform_discount_fen,
        ):
            raise HuiminError(Code.KEY_REUSED, number=purchase.order_no)
        redeemed = self._stores.vouchers.get(redemption.voucher_id)
        if redeemed is None or redeemed.identity_refs != refs:
            raise HuiminError(Code.NOT_ELIGIBLE, reason="SAME_PERSON_AS_REDEEMED")

    def get_earning(
        self, platform_id: str, voucher_id: str
    ) -> tuple[Earning, list[EarningRefund], Voucher]:
        """What earned the platform's voucher, its refunds as they were sent here, and the voucher.

        Raises:
            HuiminError: NOT_FOUND.

        """
        earning, refunds = self._stores.earnings.with_refunds(voucher_id)
        if earning is None or earning.platform_id != platform_id:
            raise HuiminError(Code.NOT_FOUND, what="earning")
        return earning, refunds, self._voucher(voucher_id)

    def refund_earning(self, refund: PlainRefund, now: datetime) -> tuple[EarningRefund, bool]:
        """Refunds a part or the whole of a plain order; True with the first answer on a replay.

        The earned voucher is taken back, if unused, where less is left than earns it.

        Raises:
            HuiminError: NOT_FOUND, EARNED_BY_REDEMPTION, KEY_REUSED, REFUND_EXCEEDS_REDEMPTION,
                CAMPAIGN_CLOSING, REFUND_WINDOW_CLOSED; nothing has changed.
            Busy: contention, or other refunds of the same order, outlasted the retries.

        """
        asked = _refund_hash(refund)
        for _ in range(TRIES):
            earning = self._stores.earnings.get(refund.voucher_id)
            if earning is None or earning.platform_id != refund.platform_id:
                raise HuiminError(Code.NOT_FOUND, what="earning")
            voucher = self._voucher(refund.voucher_id)
            try:
                plan = self._refund_plan(refund, asked, earning, voucher, now)
            except HuiminError:
                stored = self._stores.earnings.refund(refund.voucher_id, refund.refund_no)
                if stored is None:
                    raise
                return _same_refund(stored, asked), True
            try:
                stored = self._stores.earnings.commit_refund(plan, voucher.identity_refs)
            except Cancelled:
                # Another refund of the same order, a redemption or the sweep came in between.
                continue
            return (plan.refund, False) if stored is None else (_same_refund(stored, asked), True)
        raise Busy(operation="refund")

    def _refund_plan(
        self,
        refund: PlainRefund,
        asked: str,
        earning: Earning,
        voucher: Voucher,
        now: datetime,
    ) -> EarningRefundPlan:
        if earning.amounts is None:
            raise HuiminError(Code.EARNED_BY_REDEMPTION, redemption_id=earning.redemption_id)
        record = self._offers.campaign(earning.campaign_id, refund.platform_id, now)
        require_refundable(record, now)
        campaign = record.campaign
        after = after_plain_refund(earning.amounts, earning.refunded, refund.refund_fen)
        taken = take_back(
            voucher, campaign, earning.amounts, after, refund_no=refund.refund_no, now=now
        )
        rule = rule_of(campaign, earning.voucher_type_id)
        entry = EarningRefund(
            voucher_id=earning.voucher_id,
            refund_no=refund.refund_no,
            campaign_id=earning.campaign_id,
            platform_id=earning.platform_id,
            refund_fen=refund.refund_fen,
            base_left_fen=base_left_fen(rule, earning.amounts, after),
            voucher_state=earned_state(voucher, taken, now),
            content_hash=asked,
            recorded_at=now,
        )
        return EarningRefundPlan(entry, earning, after, taken)

    def _voucher(self, voucher_id: str) -> Voucher:
        voucher = self._stores.vouchers.get(voucher_id)
        assert voucher is not None, voucher_id  # noqa: S101 - written with its earning
        return voucher

    def _voucher_id(self, purchase: Purchase) -> str:
        return earned_voucher_id(purchase.platform_id, purchase.order_no, key=self._keys.id_key)


def _again(
    stored: Voucher, campaign: Campaign, purchase: Purchase, asked: str, refusal: HuiminError
) -> Earned:
    """The voucher that the order earned, when it is what the purchase asks for again.

    Raises:
        HuiminError: KEY_REUSED.

    """
    if stored.content_hash != asked:
        raise HuiminError(Code.KEY_REUSED, number=purchase.order_no) from refusal
    voucher_type = campaign.voucher_type(stored.voucher_type_id)
    assert voucher_type is not None, stored.voucher_type_id  # noqa: S101 - approved rules stay
    return Earned(stored, voucher_type, replayed=True)


def _purchase_hash(purchase: Purchase, refs: tuple[str, ...]) -> str:
    return content_hash(
        {
            "campaign_id": purchase.campaign_id,
            "round_id": purchase.round_id,
            "voucher_type_id": purchase.voucher_type_id,
            "order_no": purchase.order_no,
            "merchant_id": purchase.merchant_id,
            "order_fen": purchase.order_fen,
            "merchant_discount_fen": purchase.merchant_discount_fen,
            "platform_discount_fen": purchase.platform_discount_fen,
            "refs": refs,
            "real_name": purchase.facts.real_name,
            "located_in": purchase.facts.located_in,
        }
    )


def _refund_hash(refund: PlainRefund) -> str:
    return content_hash(
        {
            "voucher_id": refund.voucher_id,
            "refund_no": refund.refund_no,
            "refund_fen": refund.refund_fen,
        }
    )


def _same_refund(stored: EarningRefund, asked: str) -> EarningRefund:
    if stored.content_hash != asked:
        raise HuiminError(Code.KEY_REUSED, number=stored.refund_no)
    return stored

"""Vouchers at the till: looked up, held, released, redeemed, refunded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import Campaign, VoucherType
from functions.shared.domain.claims import require_running
from functions.shared.domain.earnings import TakeBack, given_back, take_back
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.fates import fate_after_refund
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.ids import content_hash, redemption_id
from functions.shared.domain.keys import Keys
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.limits import PersonCounter, redemption_counters
from functions.shared.domain.memory import Memory
from functions.shared.domain.orders import Order, Priced
from functions.shared.domain.persons import identity_refs
from functions.shared.domain.refund_window import require_refundable
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, Refunded, plan_refund
from functions.shared.domain.registry import Merchant
from functions.shared.domain.tills import price_at_till, require_merchant
from functions.shared.domain.vouchers import (
    TIMELINE_LIMIT,
    Refusal,
    Voucher,
    VoucherState,
    require_usable,
    require_usable_at,
)
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.ledger import LedgerStore, RefundPlan
from functions.shared.store.refusals import RefusalStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import VoucherStore

# A pause shows within this time.
CAMPAIGN_LIFETIME = timedelta(seconds=2)
MERCHANT_LIFETIME = timedelta(minutes=1)
# Refunds of one redemption that meet are taken one after the other.
REFUND_TRIES = 5
# Refusals that tell a complaint desk nothing about the voucher.
_SAY_NOTHING = frozenset({Code.BUSY, Code.NOT_FOUND, Code.KEY_REUSED})


@dataclass(frozen=True, slots=True)
class RedemptionRequest:
    """An order that a voucher pays a part of; amounts in fen."""

    platform_id: str
    voucher_id: str
    order_no: str
    merchant_id: str
    order_fen: int
    merchant_discount_fen: int
    platform_discount_fen: int


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund of a redemption; `refund_fen` is of the voucher's and the consumer's money."""

    platform_id: str
    redemption_id: str
    refund_no: str
    refund_fen: int


@dataclass(frozen=True, slots=True)
class RedeemStores:
    """What the redeem function reads and writes."""

    campaigns: CampaignStore
    vouchers: VoucherStore
    ledger: LedgerStore
    registry: RegistryStore
    refusals: RefusalStore


class RedeemService:
    """The use cases of the redeem function.

    Every look-up takes the calling platform: what belongs to another is as if it did not exist.

    Args:
        stores: campaigns, vouchers, ledger and registry.
        keys: the deployment's keys.

    """

    def __init__(self, stores: RedeemStores, keys: Keys) -> None:
        self._stores = stores
        self._keys = keys
        self._records: Memory[str, CampaignRecord | None] = Memory(CAMPAIGN_LIFETIME)
        self._merchants: Memory[tuple[str, str], Merchant | None] = Memory(
            MERCHANT_LIFETIME, capacity=10_000
        )

    def get_voucher(self, platform_id: str, voucher_id: str) -> Voucher:
        """The platform's voucher.

        Raises:
            HuiminError: NOT_FOUND.

        """
        voucher = self._stores.vouchers.get(voucher_id)
        if voucher is None or voucher.platform_id != platform_id:
            raise HuiminError(Code.NOT_FOUND, what="voucher")
        return voucher

    def voucher_story(self, platform_id: str, voucher_id: str) -> tuple[Voucher, Refusal | None]:
        """The platform's voucher, and why it was refused last.

        Raises:
            HuiminError: NOT_FOUND.

        """
        voucher = self.get_voucher(platform_id, voucher_id)
        return voucher, self._stores.refusals.last(voucher_id)

    @contextmanager
    def _noting(
        self, operation: str, voucher: Voucher, order_no: str, now: datetime
    ) -> Iterator[None]:
        """Notes a refusal that says something about the voucher, and lets it pass."""
        try:
            yield
        except HuiminError as error:
            if error.code not in _SAY_NOTHING:
                refusal = Refusal(now, error.code, operation, order_no)
                self._stores.refusals.note(voucher.voucher_id, refusal)
            raise

    def search_vouchers(
        self,
        platform_id: str,
        campaign_id: str,
        identities: dict[IdentityKind, str],
        now: datetime,
    ) -> list[Voucher]:
        """The vouchers that a person claimed through the platform in a campaign, oldest first.

        Raises:
            HuiminError: NOT_FOUND (the campaign), INVALID_FIELDS (an identity is missing).

        """
        record = self._record(campaign_id, now)
        if not record.is_known_to(platform_id):
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        refs = identity_refs(
            identities,
            wanted=record.campaign.identities[:1],
            platform_id=platform_id,
            keys=self._keys,
        )
        held = self._stores.vouchers.of_person(campaign_id, refs[0])
        return [voucher for voucher in held if voucher.platform_id == platform_id]

    def hold_voucher(
        self, platform_id: str, voucher_id: str, order_no: str, now: datetime
    ) -> tuple[Voucher, bool]:
        """Reserves the voucher for an order, for as long as the campaign says; True on a replay.

        A hold never outlasts the voucher.

        Raises:
            HuiminError: why not; nothing has changed.

        """
        voucher = self.get_voucher(platform_id, voucher_id)
        if voucher.is_held_at(now) and voucher.order_no == order_no:
            return voucher, True
        with self._noting("hold", voucher, order_no, now):
            return self._hold(voucher, order_no, now)

    def _hold(self, voucher: Voucher, order_no: str, now: datetime) -> tuple[Voucher, bool]:
        record = self._record(voucher.campaign_id, now)
        require_running(record)
        require_usable(voucher, order_no=order_no, now=now)
        require_usable_at(voucher, _type_of(record.campaign, voucher).validity.times, now)
        if len(voucher.timeline) >= TIMELINE_LIMIT:
            raise HuiminError(Code.HOLDS_EXHAUSTED, limit=TIMELINE_LIMIT)
        held_until = min(now + timedelta(seconds=record.campaign.hold_s), voucher.valid_until)
        try:
            held = self._stores.vouchers.hold(
                voucher, order_no=order_no, held_until=held_until, now=now
            )
        except Cancelled as cancelled:
            changed = self.get_voucher(voucher.platform_id, voucher.voucher_id)
            if changed.is_held_at(now) and changed.order_no == order_no:
                return changed, True
            require_usable(changed, order_no=order_no, now=now)
            raise Busy(operation="hold") from cancelled
        return held, False

    def release_voucher(
        self, platform_id: str, voucher_id: str, order_no: str, now: datetime
    ) -> tuple[Voucher, bool]:
        """Gives the voucher back from the order that held it; True when that was done before.

        Raises:
            HuiminError: VOUCHER_NOT_HELD when another order holds or used it, or none ever did.

        """
        voucher = self.get_voucher(platform_id, voucher_id)
        if voucher.state is VoucherState.HELD and voucher.order_no == order_no:
            try:
                return self._stores.vouchers.release(voucher, order_no=order_no, now=now), False
            except Cancelled:
                voucher = self.get_voucher(platform_id, voucher_id)
        if voucher.state is VoucherState.ISSUED and voucher.order_no == order_no:
            return voucher, True
        raise HuiminError(Code.VOUCHER_NOT_HELD, state=voucher.state_at(now).value)

    def redeem_voucher(self, request: RedemptionRequest, now: datetime) -> tuple[Redemption, bool]:
        """Redeems the voucher for the order; True with the first answer on a replay.

        Raises:
            HuiminError: why not; nothing has changed.
            Busy: contention outlasted the retries.

        """
        voucher = self.get_voucher(request.platform_id, request.voucher_id)
        with self._noting("redeem", voucher, request.order_no, now):
            return self._redeem(request, voucher, now)

    def _redeem(
        self, request: RedemptionRequest, voucher: Voucher, now: datetime
    ) -> tuple[Redemption, bool]:
        campaign = self._record(voucher.campaign_id, now)
        number = redemption_id(request.platform_id, request.order_no, key=self._keys.id_key)
        try:
            redemption = self._decided(request, number, voucher, campaign, now)
        except HuiminError as refusal:
            # What is refused now may have been done for the same order before.
            stored = self._stores.ledger.redemption(number)
            if stored is None:
                raise
            return _first_answer(stored, request, refusal), True
        counters = redemption_counters(
            campaign.campaign, merchant_id=request.merchant_id, on=business_date(now)
        )
        try:
            stored = self._stores.ledger.commit_redemption(redemption, voucher, counters)
        except Cancelled as cancelled:
            changed = self.get_voucher(request.platform_id, request.voucher_id)
            require_usable(changed, order_no=request.order_no, now=now)
            raise Busy(operation="redeem") from cancelled
        if stored is not None:
            return _first_answer(stored, request), True
        return redemption, False

    def get_redemption(
        self, platform_id: str, redemption_id_asked: str
    ) -> tuple[Redemption, list[Refund]]:
        """The platform's redemption with its refunds, oldest first.

        Raises:
            HuiminError: NOT_FOUND.

        """
        redemption, refunds = self._stores.ledger.with_refunds(redemption_id_asked)
        if redemption is None or redemption.platform_id != platform_id:
            raise HuiminError(Code.NOT_FOUND, what="redemption")
        return redemption, refunds

    def refund_redemption(self, request: RefundRequest, now: datetime) -> tuple[Refund, bool]:
        """Refunds a part or the whole; True with the first answer on a replay.

        Raises:
            HuiminError: NOT_FOUND, KEY_REUSED, REFUND_EXCEEDS_REDEMPTION, CAMPAIGN_CLOSING,
                REFUND_WINDOW_CLOSED; nothing has changed.
            Busy: contention, or other refunds of the same redemption, outlasted the retries.

        """
        asked = _refund_hash(request)
        for _ in range(REFUND_TRIES):
            redemption = self._own_redemption(request)
            try:
                plan, voucher = self._refund_plan(request, asked, redemption, now)
            except HuiminError:
                stored = self._stores.ledger.refund(request.redemption_id, request.refund_no)
                if stored is None:
                    raise
                return _same_refund(stored, asked), True
            try:
                stored = self._stores.ledger.commit_refund(plan, redemption, voucher)
            except Cancelled:
                # Another refund of the same redemption, or the sweep, came in between.
                continue
            return (plan.refund, False) if stored is None else (_same_refund(stored, asked), True)
        raise Busy(operation="refund")

    def _decided(
        self,
        request: RedemptionRequest,
        number: str,
        voucher: Voucher,
        record: CampaignRecord,
        now: datetime,
    ) -> Redemption:
        """The redemption that the rules allow, not yet written."""
        require_running(record)
        require_usable(voucher, order_no=request.order_no, now=now)
        voucher_type = _type_of(record.campaign, voucher)
        require_usable_at(voucher, voucher_type.validity.times, now)
        merchant = require_merchant(
            record.campaign, self._merchant(request.merchant_id, now), request.merchant_id
        )
        order = Order(
            order_fen=request.order_fen,
            merchant_discount_fen=request.merchant_discount_fen,
            platform_discount_fen=request.platform_discount_fen,
        )
        priced = price_at_till(
            voucher_type, order, industry=merchant.industry, platform_id=request.platform_id
        )
        return Redemption(
            redemption_id=number,
            campaign_id=voucher.campaign_id,
            round_id=voucher.round_id,
            voucher_type_id=voucher.voucher_type_id,
            platform_id=request.platform_id,
            voucher_id=voucher.voucher_id,
            person_ref=voucher.person_ref,
            merchant_id=merchant.merchant_id,
            industry=merchant.industry,
            size_class=merchant.size_class,
            order_no=request.order_no,
            content_hash=_redemption_hash(request),
            recorded_at=now,
            business_on=business_date(now),
            amounts=_amounts(order, priced),
            refunded=NOTHING_REFUNDED,
        )

    def _refund_plan(
        self, request: RefundRequest, asked: str, redemption: Redemption, now: datetime
    ) -> tuple[RefundPlan, Voucher]:
        record = self._record(redemption.campaign_id, now)
        require_refundable(record, now)
        campaign = record.campaign
        step = plan_refund(
            redemption.amounts,
            redemption.refunded,
            refund_fen=request.refund_fen,
            policy=campaign.refunds.part,
        )
        voucher = self.get_voucher(request.platform_id, redemption.voucher_id)
        fate = fate_after_refund(
            voucher,
            step,
            campaign.refunds,
            redeemed_fiscal_fen=redemption.amounts.parts.fiscal_fen,
            now=now,
        )
        refund = Refund(
            redemption_id=redemption.redemption_id,
            refund_no=request.refund_no,
            campaign_id=redemption.campaign_id,
            round_id=redemption.round_id,
            voucher_type_id=redemption.voucher_type_id,
            platform_id=redemption.platform_id,
            voucher_id=redemption.voucher_id,
            person_ref=redemption.person_ref,
            merchant_id=redemption.merchant_id,
            industry=redemption.industry,
            size_class=redemption.size_class,
            order_no=redemption.order_no,
            content_hash=asked,
            recorded_at=now,
            business_on=business_date(now),
            redeemed_on=redemption.business_on,
            voucher_fen=step.voucher_fen,
            paid_fen=step.paid_fen,
            merchant_discount_fen=step.merchant_discount_fen,
            platform_discount_fen=step.platform_discount_fen,
            parts=step.parts,
            voucher_state=fate.state,
        )
        counters: list[PersonCounter] = []
        if step.is_whole:
            # It gives the person's visit to the merchant back; a part refund does not.
            counters += redemption_counters(
                campaign, merchant_id=redemption.merchant_id, on=redemption.business_on
            )
        if voucher.is_forfeited and fate.state is VoucherState.VOIDED:
            counters += given_back(voucher, campaign)
        taken = self._take_back(redemption, step.after, campaign, request.refund_no, now)
        return RefundPlan(refund, step.after, fate, counters, taken), voucher

    def _take_back(
        self,
        redemption: Redemption,
        after: Refunded,
        campaign: Campaign,
        refund_no: str,
        now: datetime,
    ) -> TakeBack | None:
        """What the refund makes of the voucher that the order earned, if it earned one."""
        if redemption.earned_voucher_id is None:
            return None
        earned = self.get_voucher(redemption.platform_id, redemption.earned_voucher_id)
        return take_back(earned, campaign, redemption.amounts, after, refund_no=refund_no, now=now)

    def _own_redemption(self, request: RefundRequest) -> Redemption:
        redemption = self._stores.ledger.redemption(request.redemption_id)
        if redemption is None or redemption.platform_id != request.platform_id:
            raise HuiminError(Code.NOT_FOUND, what="redemption")
        return redemption

    def _record(self, campaign_id: str, now: datetime) -> CampaignRecord:
        record = self._records.recall(
            campaign_id, now, lambda: self._stores.campaigns.get(campaign_id)
        )
        if record is None:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record

    def _merchant(self, merchant_id: str, now: datetime) -> Merchant | None:
        on = business_date(now)
        return self._merchants.recall(
            (merchant_id, on.isoformat()),
            now,
            lambda: self._stores.registry.merchant(merchant_id, on=on),
        )


def _type_of(campaign: Campaign, voucher: Voucher) -> VoucherType:
    voucher_type = campaign.voucher_type(voucher.voucher_type_id)
    assert voucher_type is not None, voucher.voucher_type_id  # noqa: S101 - approved rules stay
    return voucher_type


def _amounts(order: Order, priced: Priced) -> Redeemed:
    return Redeemed(
        order_fen=order.order_fen,
        merchant_discount_fen=order.merchant_discount_fen,
        platform_discount_fen=order.platform_discount_fen,
        voucher_fen=priced.parts.total_fen,
        paid_fen=priced.paid_fen,
        parts=priced.parts,
    )


def _redemption_hash(request: RedemptionRequest) -> str:
    return content_hash(
        {
            "voucher_id": request.voucher_id,
            "order_no": request.order_no,
            "merchant_id": request.merchant_id,
            "order_fen": request.order_fen,
            "merchant_discount_fen": request.merchant_discount_fen,
            "platform_discount_fen": request.platform_discount_fen,
        }
    )


def _refund_hash(request: RefundRequest) -> str:
    return content_hash(
        {
            "redemption_id": request.redemption_id,
            "refund_no": request.refund_no,
            "refund_fen": request.refund_fen,
        }
    )


def _first_answer(
    stored: Redemption, request: RedemptionRequest, refusal: HuiminError | None = None
) -> Redemption:
    """The stored redemption when it is what the request asks for again.

    Raises:
        HuiminError: ORDER_ALREADY_USED when the order redeemed another voucher, KEY_REUSED when
            it came with other content.

    """
    if stored.voucher_id != request.voucher_id:
        raise HuiminError(Code.ORDER_ALREADY_USED, order_no=request.order_no) from refusal
    if stored.content_hash != _redemption_hash(request):
        raise HuiminError(Code.KEY_REUSED, number=request.order_no) from refusal
    return stored


def _same_refund(stored: Refund, asked: str) -> Refund:
    if stored.content_hash != asked:
        raise HuiminError(Code.KEY_REUSED, number=stored.refund_no)
    return stored

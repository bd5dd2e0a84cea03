"""Vouchers and ledger entries of the small campaign, as values, to be changed at will."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from functions.shared.domain.funds import shard_id
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.money import FundingParts
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed
from functions.shared.domain.vouchers import TimelineEntry, Voucher, VoucherEvent, VoucherState
from tests.support.campaigns import CAMPAIGN_ID, REDUCTION, ROUND_1, UNIONPAY
from tests.support.fields import field

ISSUED_AT = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)
VALID_UNTIL = datetime(2026, 1, 12, 2, 0, tzinfo=UTC)
PERSON = "p1_" + "a" * 32
PHONE = "p1_" + "b" * 32
SHARD = shard_id(CAMPAIGN_ID, f"{ROUND_1}/{REDUCTION}/{UNIONPAY}", 0)
REDEMPTION_ID = "r_" + "a" * 32


def voucher_id(letter: str = "a") -> str:
    """An id of the shape that vouchers have."""
    return "v_" + letter * 32


def a_voucher(**changes: object) -> Voucher:
    """A voucher of 20 off 50, just issued."""
    voucher = Voucher(
        voucher_id=voucher_id(),
        campaign_id=CAMPAIGN_ID,
        round_id=ROUND_1,
        voucher_type_id=REDUCTION,
        platform_id=UNIONPAY,
        person_ref=PERSON,
        identity_refs=(PERSON,),
        shard_id=SHARD,
        request_no="q-1",
        content_hash="1" * 64,
        state=VoucherState.ISSUED,
        issued_at=ISSUED_AT,
        valid_from=ISSUED_AT,
        valid_until=VALID_UNTIL,
        reserve_fen=2_000,
        slack_fen=0,
        timeline=(TimelineEntry(ISSUED_AT, VoucherEvent.CLAIMED, "q-1"),),
    )
    for name, value in changes.items():
        voucher = replace(voucher, **field(name, value))
    return voucher


def a_redemption(**changes: object) -> Redemption:
    """The redemption of that voucher for an order of 80 yuan."""
    redemption = Redemption(
        redemption_id=REDEMPTION_ID,
        campaign_id=CAMPAIGN_ID,
        round_id=ROUND_1,
        voucher_type_id=REDUCTION,
        platform_id=UNIONPAY,
        voucher_id=voucher_id(),
        person_ref=PERSON,
        merchant_id="noodles",
        industry="dining",
        size_class="MICRO",
        order_no="o-1",
        content_hash="2" * 64,
        recorded_at=ISSUED_AT,
        business_on=date(2026, 1, 5),
        amounts=Redeemed(
            order_fen=8_000,
            merchant_discount_fen=0,
            platform_discount_fen=0,
            voucher_fen=2_000,
            paid_fen=6_000,
            parts=FundingParts(fiscal_fen=2_000, platform_fen=0, merchant_fen=0),
        ),
        refunded=NOTHING_REFUNDED,
    )
    for name, value in changes.items():
        redemption = replace(redemption, **field(name, value))
    return redemption


def a_refund(**changes: object) -> Refund:
    """A refund of half of that redemption."""
    refund = Refund(
        redemption_id=REDEMPTION_ID,
        refund_no="f-1",
        campaign_id=CAMPAIGN_ID,
        round_id=ROUND_1,
        voucher_type_id=REDUCTION,
        platform_id=UNIONPAY,
        voucher_id=voucher_id(),
        person_ref=PERSON,
        merchant_id="noodles",
        industry="dining",
        size_class="MICRO",
        order_no="o-1",
        content_hash="3" * 64,
        recorded_at=ISSUED_AT,
        business_on=date(2026, 1, 5),
        redeemed_on=date(2026, 1, 5),
        voucher_fen=1_000,
        paid_fen=3_000,
        merchant_discount_fen=0,
        platform_discount_fen=0,
        parts=FundingParts(fiscal_fen=1_000, platform_fen=0, merchant_fen=0),
        voucher_state=VoucherState.REDEEMED,
    )
    for name, value in changes.items():
        refund = replace(refund, **field(name, value))
    return refund

"""Which orders earn a voucher, and what their refunds make of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.campaign import EarningRule
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.earnings import (
    after_plain_refund,
    base_left_fen,
    earned_state,
    given_back,
    plain_order,
    require_earns,
    take_back,
)
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.orders import Order, ThresholdBase
from functions.shared.domain.refunds import NOTHING_REFUNDED
from functions.shared.domain.vouchers import TimelineEntry, Voucher, VoucherEvent, VoucherState
from tests.support.campaigns import EARNING_ID, earning_document
from tests.support.vouchers import ISSUED_AT, VALID_UNTIL, a_voucher

ISSUED, HELD, REDEEMED, EXPIRED, VOIDED = VoucherState
CAMPAIGN = campaign_from_document(earning_document())
RULE = EarningRule(6_000, ThresholdBase.AFTER_MERCHANT)
ORDER = plain_order(
    Order(order_fen=10_000, merchant_discount_fen=2_000, platform_discount_fen=1_000)
)
ALL = after_plain_refund(ORDER, NOTHING_REFUNDED, 7_000)


@pytest.mark.parametrize(
    ("base", "left_fen", "half_fen"),
    [
        (ThresholdBase.ORDER, 10_000, 5_000),
        (ThresholdBase.AFTER_MERCHANT, 8_000, 4_000),
        (ThresholdBase.AFTER_DISCOUNTS, 7_000, 3_500),
    ],
)
def test_what_is_left_of_each_base(base: ThresholdBase, left_fen: int, half_fen: int) -> None:
    rule = EarningRule(1, base)
    assert base_left_fen(rule, ORDER, NOTHING_REFUNDED) == left_fen
    half = after_plain_refund(ORDER, NOTHING_REFUNDED, 3_500)
    assert base_left_fen(rule, ORDER, half) == half_fen
    assert base_left_fen(rule, ORDER, ALL) == 0


def test_an_order_earns_from_the_threshold_on() -> None:
    require_earns(EarningRule(8_000, ThresholdBase.AFTER_MERCHANT), ORDER, NOTHING_REFUNDED)
    with pytest.raises(HuiminError) as refused:
        require_earns(EarningRule(8_001, ThresholdBase.AFTER_MERCHANT), ORDER, NOTHING_REFUNDED)
    assert refused.value.code is Code.BELOW_THRESHOLD
    assert refused.value.context == {
        "base_fen": 8_000,
        "threshold_fen": 8_001,
        "threshold_base": ThresholdBase.AFTER_MERCHANT,
    }


def test_an_order_with_nothing_to_pay_earns_nothing() -> None:
    assert plain_order(Order(order_fen=10, platform_discount_fen=9)).paid_fen == 1
    with pytest.raises(HuiminError) as refused:
        plain_order(Order(order_fen=10, platform_discount_fen=10))
    assert refused.value.code is Code.ORDER_AMOUNTS_INVALID
    assert refused.value.context == {
        "order_fen": 10,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 10,
    }


@given(
    discounts=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    refunds=st.lists(st.integers(1, 700), max_size=8),
    base=st.sampled_from(ThresholdBase),
)
def test_what_is_left_only_falls_and_ends_at_nothing(
    discounts: tuple[int, int], refunds: list[int], base: ThresholdBase
) -> None:
    merchant_fen, platform_fen = discounts
    order = plain_order(
        Order(
            order_fen=1_000 + merchant_fen + platform_fen,
            merchant_discount_fen=merchant_fen,
            platform_discount_fen=platform_fen,
        )
    )
    rule, after = EarningRule(1, base), NOTHING_REFUNDED
    left = [base_left_fen(rule, order, after)]
    for refund_fen in refunds:
        most = order.refundable_fen - after.refunded_fen
        if refund_fen > most:
            break
        after = after_plain_refund(order, after, refund_fen)
        left.append(base_left_fen(rule, order, after))
    assert left == sorted(left, reverse=True)
    rest_fen = order.refundable_fen - after.refunded_fen
    if rest_fen:
        after = after_plain_refund(order, after, rest_fen)
    assert base_left_fen(rule, order, after) == 0


def earned(**changes: object) -> Voucher:
    return a_voucher(campaign_id=EARNING_ID, **changes)


def test_an_unused_voucher_is_taken_back_with_its_money_and_its_limits() -> None:
    for state in (ISSUED, HELD):
        voucher = earned(state=state)
        taken = take_back(voucher, CAMPAIGN, ORDER, ALL, refund_no="f-1", now=ISSUED_AT)
        assert taken is not None
        assert taken.forfeits
        assert taken.voucher is voucher
        assert (taken.state, taken.lapsed_fen) == (VOIDED, 2_000)
        assert taken.told == TimelineEntry(ISSUED_AT, VoucherEvent.TAKEN_BACK, "f-1")
        assert [each.name for each in taken.counters] == ["type:50-20:round:r1", "campaign"]
        assert [each.by for each in taken.counters] == [1, 1]
        assert earned_state(voucher, taken, ISSUED_AT) is VOIDED


def test_a_limit_of_the_platform_is_given_back_for_that_platform() -> None:
    limits = [{"scope": "PLATFORM_PER_ROUND", "max_count": 1}]
    limited = campaign_from_document(earning_document(limits=limits))
    [counter] = given_back(earned(), limited)
    assert counter.name == "platform:unionpay:round:r1"


def test_a_used_voucher_is_forfeited_and_moves_no_money() -> None:
    voucher = earned(state=REDEEMED, slack_fen=3)
    taken = take_back(voucher, CAMPAIGN, ORDER, ALL, refund_no="f-1", now=VALID_UNTIL)
    assert taken is not None
    assert taken.voucher is voucher
    assert (taken.state, taken.lapsed_fen, taken.counters) == (REDEEMED, 0, ())
    assert taken.told == TimelineEntry(VALID_UNTIL, VoucherEvent.FORFEITED, "f-1")
    assert taken.forfeits


def test_a_voucher_that_has_ended_lapses_as_the_sweep_would_have_it() -> None:
    voucher = earned()
    taken = take_back(voucher, CAMPAIGN, ORDER, ALL, refund_no="f-1", now=VALID_UNTIL)
    assert taken is not None
    assert taken.voucher is voucher
    assert (taken.state, taken.lapsed_fen, taken.counters) == (EXPIRED, 2_000, ())
    assert taken.told == TimelineEntry(VALID_UNTIL, VoucherEvent.EXPIRED)
    assert not taken.forfeits
    just_before = VALID_UNTIL - timedelta(milliseconds=1)
    before = take_back(earned(), CAMPAIGN, ORDER, ALL, refund_no="f-1", now=just_before)
    assert before is not None
    assert before.state is VOIDED


@pytest.mark.parametrize(
    "changes",
    [{"state": EXPIRED}, {"state": VOIDED}, {"state": REDEEMED, "is_forfeited": True}],
    ids=["expired", "void", "forfeited"],
)
def test_what_has_come_to_its_end_stays(changes: dict[str, object]) -> None:
    voucher = earned(**changes)
    assert take_back(voucher, CAMPAIGN, ORDER, ALL, refund_no="f", now=ISSUED_AT) is None
    assert earned_state(voucher, None, ISSUED_AT) is changes["state"]


def test_an_unused_voucher_that_stays_is_told_as_expired_from_its_end_on() -> None:
    assert earned_state(earned(), None, VALID_UNTIL - timedelta(milliseconds=1)) is ISSUED
    assert earned_state(earned(), None, VALID_UNTIL) is EXPIRED


def test_as_long_as_enough_is_left_the_voucher_stays() -> None:
    """The campaign asks for 60 yuan after the merchant's discount, of which there were 80."""
    enough = after_plain_refund(ORDER, NOTHING_REFUNDED, 1_750)
    assert base_left_fen(RULE, ORDER, enough) == 6_000
    assert take_back(earned(), CAMPAIGN, ORDER, enough, refund_no="f", now=ISSUED_AT) is None
    less = after_plain_refund(ORDER, enough, 1)
    assert base_left_fen(RULE, ORDER, less) == 5_999
    assert take_back(earned(), CAMPAIGN, ORDER, less, refund_no="f", now=ISSUED_AT) is not None

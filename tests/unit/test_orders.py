"""Pricing by worked examples: thresholds and their bases, each kind, caps, and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import MAX_ORDER_FEN, FundingParts, FundingShares
from functions.shared.domain.orders import (
    Benefit,
    Order,
    Priced,
    ThresholdBase,
    VoucherKind,
    price_order,
)
from tests.support.fields import field

PUBLIC = FundingShares(fiscal_bp=10_000, platform_bp=0, merchant_bp=0)


def reduction(
    face_fen: int, threshold_fen: int = 0, base: ThresholdBase = ThresholdBase.ORDER
) -> Benefit:
    return Benefit(
        kind=VoucherKind.INSTANT_REDUCTION,
        face_fen=face_fen,
        threshold_fen=threshold_fen,
        threshold_base=base,
        funding=PUBLIC,
    )


def discount(
    percent_off_bp: int, cap_fen: int, base: ThresholdBase = ThresholdBase.ORDER
) -> Benefit:
    return Benefit(
        kind=VoucherKind.DISCOUNT,
        percent_off_bp=percent_off_bp,
        cap_fen=cap_fen,
        threshold_fen=0,
        threshold_base=base,
        funding=PUBLIC,
    )


def order(order_fen: int, merchant_fen: int = 0, platform_fen: int = 0) -> Order:
    return Order(
        order_fen=order_fen,
        merchant_discount_fen=merchant_fen,
        platform_discount_fen=platform_fen,
    )


# Shanghai "Lepin": 90 yuan off 300, compared with what remains after the merchant's own offer.
LEPIN = reduction(9_000, 30_000, ThresholdBase.AFTER_MERCHANT)


def test_lepin_refuses_a_bill_that_the_merchants_offer_takes_below_the_threshold() -> None:
    with pytest.raises(HuiminError) as caught:
        price_order(order(32_000, 3_000), LEPIN)
    assert caught.value.code is Code.BELOW_THRESHOLD
    assert caught.value.context == {
        "base_fen": 29_000,
        "threshold_fen": 30_000,
        "threshold_base": ThresholdBase.AFTER_MERCHANT,
    }


def test_lepin_takes_90_yuan_off_310() -> None:
    assert price_order(order(34_000, 3_000), LEPIN) == Priced(
        base_fen=31_000,
        voucher_fen=9_000,
        parts=FundingParts(fiscal_fen=9_000, platform_fen=0, merchant_fen=0),
        paid_fen=22_000,
    )


@pytest.mark.parametrize(
    ("base", "base_fen"),
    [
        (ThresholdBase.ORDER, 10_000),
        (ThresholdBase.AFTER_MERCHANT, 9_000),
        (ThresholdBase.AFTER_DISCOUNTS, 8_800),
    ],
)
def test_the_threshold_is_compared_with_the_base_that_the_campaign_names(
    base: ThresholdBase, base_fen: int
) -> None:
    priced = price_order(order(10_000, 1_000, 200), reduction(500, base_fen, base))
    assert (priced.base_fen, priced.voucher_fen, priced.paid_fen) == (base_fen, 500, 8_300)
    with pytest.raises(HuiminError) as caught:
        price_order(order(10_000, 1_000, 200), reduction(500, base_fen + 1, base))
    assert caught.value.code is Code.BELOW_THRESHOLD
    assert caught.value.context["base_fen"] == base_fen


def test_a_ticket_is_worth_its_face() -> None:
    ticket = replace(reduction(3_000), kind=VoucherKind.TICKET)
    assert price_order(order(5_000), ticket).voucher_fen == 3_000


@pytest.mark.parametrize(
    ("order_fen", "voucher_fen"),
    [(7, 1), (13, 1), (14, 2), (6_999, 1_049), (33_333, 4_999), (33_334, 5_000), (99_999, 5_000)],
)
def test_a_discount_is_floored_to_the_fen_and_capped(order_fen: int, voucher_fen: int) -> None:
    assert price_order(order(order_fen), discount(1_500, 5_000)).voucher_fen == voucher_fen


def test_a_discount_is_a_share_of_the_base() -> None:
    offered = order(10_000, 2_000, 1_000)
    worth = {
        base: price_order(offered, discount(1_000, 5_000, base)).voucher_fen
        for base in ThresholdBase
    }
    assert worth == {
        ThresholdBase.ORDER: 1_000,
        ThresholdBase.AFTER_MERCHANT: 800,
        ThresholdBase.AFTER_DISCOUNTS: 700,
    }


def test_any_kind_can_be_limited_to_a_share_of_the_whole_order() -> None:
    """A fifth of 100.09 is 20.018: what lies below a fen stays with the consumer."""
    offered = order(10_009, 1_000)
    fifth = replace(reduction(3_000), order_share_cap_bp=2_000)
    assert price_order(offered, fifth).voucher_fen == 2_001
    assert price_order(order(15_000), fifth).voucher_fen == 3_000
    assert price_order(order(15_005), fifth).voucher_fen == 3_000
    half_off = replace(discount(5_000, 9_000), order_share_cap_bp=2_000)
    assert price_order(offered, half_off).voucher_fen == 2_001
    assert price_order(offered, replace(half_off, order_share_cap_bp=10_000)).voucher_fen == 5_004


def test_the_vouchers_money_is_split_by_the_types_shares() -> None:
    funding = FundingShares(fiscal_bp=5_000, platform_bp=3_000, merchant_bp=2_000)
    priced = price_order(order(5_000), replace(reduction(999), funding=funding))
    assert priced.parts == FundingParts(fiscal_fen=499, platform_fen=300, merchant_fen=200)


def test_a_voucher_may_cover_all_that_is_left_but_not_a_fen_more() -> None:
    assert price_order(order(2_300, 200, 100), reduction(2_000)).paid_fen == 0
    with pytest.raises(HuiminError) as caught:
        price_order(order(2_300, 200, 101), reduction(2_000))
    assert caught.value.code is Code.ORDER_AMOUNTS_INVALID
    assert caught.value.context == {
        "order_fen": 2_300,
        "merchant_discount_fen": 200,
        "platform_discount_fen": 101,
        "voucher_fen": 2_000,
    }


def test_a_voucher_is_not_used_up_for_nothing() -> None:
    assert price_order(order(10), discount(1_000, 5_000)).voucher_fen == 1
    with pytest.raises(HuiminError) as caught:
        price_order(order(9), discount(1_000, 5_000))
    assert caught.value.code is Code.ORDER_AMOUNTS_INVALID
    assert caught.value.context["voucher_fen"] == 0


def test_the_threshold_is_named_before_a_voucher_that_does_not_fit() -> None:
    with pytest.raises(HuiminError) as caught:
        price_order(order(100), reduction(2_000, 5_000))
    assert caught.value.code is Code.BELOW_THRESHOLD


def test_own_discounts_may_reach_the_order_but_not_exceed_it() -> None:
    assert order(100, 60, 40).after_discounts_fen == 0
    with pytest.raises(HuiminError) as caught:
        order(100, 60, 41)
    assert caught.value.code is Code.ORDER_AMOUNTS_INVALID
    assert caught.value.context == {
        "order_fen": 100,
        "merchant_discount_fen": 60,
        "platform_discount_fen": 41,
    }


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((0, 0, 0), "order_fen"),
        ((MAX_ORDER_FEN + 1, 0, 0), "order_fen"),
        ((True, 0, 0), "order_fen"),
        ((100, -1, 0), "merchant_discount_fen"),
        ((100, True, 0), "merchant_discount_fen"),
        ((100, 0, -1), "platform_discount_fen"),
        ((100, 0, True), "platform_discount_fen"),
    ],
)
def test_an_orders_amounts_are_amounts(values: tuple[int, int, int], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        order(*values)


def test_an_order_may_be_of_one_fen_and_of_the_greatest_amount() -> None:
    assert price_order(order(1), reduction(1)).paid_fen == 0
    greatest = order(MAX_ORDER_FEN)
    assert price_order(greatest, reduction(MAX_ORDER_FEN, MAX_ORDER_FEN)).paid_fen == 0
    assert price_order(greatest, discount(1, MAX_ORDER_FEN)).voucher_fen == 1_000_000


def test_discounts_default_to_none_given() -> None:
    assert Order(order_fen=100) == order(100, 0, 0)


REDUCTION = reduction(2_000, 5_000)
TICKET = replace(REDUCTION, kind=VoucherKind.TICKET)
DISCOUNT = discount(1_500, 5_000)
PRICED_TICKET = replace(
    TICKET, face_fen=None, cap_fen=2_000, threshold_fen=0, order_share_cap_bp=None
)


@pytest.mark.parametrize("benefit", [REDUCTION, TICKET, DISCOUNT], ids=lambda b: b.kind)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold_fen", -1),
        ("threshold_fen", MAX_ORDER_FEN + 1),
        ("threshold_fen", True),
        ("order_share_cap_bp", 0),
        ("order_share_cap_bp", 10_001),
        ("order_share_cap_bp", True),
    ],
)
def test_rules_of_every_kind_are_in_range(benefit: Benefit, name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        replace(benefit, **field(name, value))


@pytest.mark.parametrize(
    ("benefit", "name", "value"),
    [
        (benefit, "face_fen", value)
        for benefit in (REDUCTION, TICKET)
        for value in (0, MAX_ORDER_FEN + 1, True)
    ]
    + [(REDUCTION, "face_fen", None)]
    + [(PRICED_TICKET, "cap_fen", value) for value in (0, MAX_ORDER_FEN + 1, True)]
    + [(DISCOUNT, "percent_off_bp", value) for value in (None, 0, 10_001, True)]
    + [(DISCOUNT, "cap_fen", value) for value in (None, 0, MAX_ORDER_FEN + 1, True)],
)
def test_what_a_kind_needs_is_set_and_in_range(
    benefit: Benefit, name: str, value: int | None
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        replace(benefit, **field(name, value))


@pytest.mark.parametrize(
    ("benefit", "name"),
    [
        (REDUCTION, "percent_off_bp"),
        (REDUCTION, "cap_fen"),
        (TICKET, "percent_off_bp"),
        (DISCOUNT, "face_fen"),
    ],
)
@pytest.mark.parametrize("value", [0, 1])
def test_what_a_kind_does_not_have_is_not_set(benefit: Benefit, name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is not for {benefit.kind}$"):
        replace(benefit, **field(name, value))


@pytest.mark.parametrize(("face_fen", "cap_fen"), [(None, None), (1, 1)])
def test_a_ticket_has_a_face_or_a_cap(face_fen: int | None, cap_fen: int | None) -> None:
    with pytest.raises(ValueError, match="a TICKET has either face_fen or cap_fen"):
        replace(TICKET, face_fen=face_fen, cap_fen=cap_fen)


def test_a_ticket_with_a_cap_pays_the_base_up_to_it() -> None:
    assert price_order(order(1_999), PRICED_TICKET).voucher_fen == 1_999
    assert price_order(order(2_001), PRICED_TICKET).voucher_fen == 2_000
    assert PRICED_TICKET.greatest_fen == 2_000


def test_rules_reach_their_bounds() -> None:
    assert replace(REDUCTION, face_fen=1, threshold_fen=0).greatest_fen == 1
    assert replace(DISCOUNT, percent_off_bp=10_000, cap_fen=1).greatest_fen == 1
    assert replace(DISCOUNT, percent_off_bp=1, cap_fen=MAX_ORDER_FEN).greatest_fen == MAX_ORDER_FEN
    assert replace(TICKET, order_share_cap_bp=1).order_share_cap_bp == 1
    assert replace(TICKET, face_fen=1).greatest_fen == 1
    assert replace(PRICED_TICKET, cap_fen=1).greatest_fen == 1


def test_kinds_and_bases_that_are_not_known_stop_the_pricing() -> None:
    with pytest.raises(AssertionError, match="LATER"):
        replace(REDUCTION, kind=cast("VoucherKind", "LATER"))
    with pytest.raises(AssertionError, match="LATER"):
        order(100).base_fen(cast("ThresholdBase", "LATER"))


def test_the_greatest_cost_is_the_face_or_the_cap() -> None:
    assert REDUCTION.greatest_fen == 2_000
    assert TICKET.greatest_fen == 2_000
    assert DISCOUNT.greatest_fen == 5_000


def test_kinds_and_bases_are_read_from_a_campaign_by_these_names() -> None:
    assert [*VoucherKind] == ["INSTANT_REDUCTION", "DISCOUNT", "TICKET"]
    assert [*ThresholdBase] == ["ORDER", "AFTER_MERCHANT", "AFTER_DISCOUNTS"]

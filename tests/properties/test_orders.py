"""Any order with any voucher: it is refused with a code, or its amounts close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import BASIS_POINTS, fiscal_reserve_fen
from functions.shared.domain.orders import (
    Benefit,
    Order,
    Priced,
    ThresholdBase,
    VoucherKind,
    price_order,
)
from functions.shared.domain.refunds import Redeemed
from tests.properties.strategies import amounts, funding_shares

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

positive = amounts.filter(bool)


@st.composite
def benefits(draw: DrawFn) -> Benefit:
    kind = draw(st.sampled_from(VoucherKind))
    is_discount = kind is VoucherKind.DISCOUNT
    return Benefit(
        kind=kind,
        face_fen=None if is_discount else draw(positive),
        percent_off_bp=draw(st.integers(1, BASIS_POINTS)) if is_discount else None,
        cap_fen=draw(positive) if is_discount else None,
        threshold_fen=draw(amounts),
        threshold_base=draw(st.sampled_from(ThresholdBase)),
        funding=draw(funding_shares()),
        order_share_cap_bp=draw(st.none() | st.integers(1, BASIS_POINTS)),
    )


@st.composite
def orders(draw: DrawFn) -> Order:
    order_fen = draw(positive)
    merchant_discount_fen = draw(st.integers(0, order_fen))
    return Order(
        order_fen=order_fen,
        merchant_discount_fen=merchant_discount_fen,
        platform_discount_fen=draw(st.integers(0, order_fen - merchant_discount_fen)),
    )


def price_or_refusal(order: Order, benefit: Benefit) -> Priced | Code:
    try:
        return price_order(order, benefit)
    except HuiminError as refusal:
        return refusal.code


@given(orders(), benefits())
def test_a_priced_order_closes_within_every_limit(order: Order, benefit: Benefit) -> None:
    priced = price_or_refusal(order, benefit)
    if isinstance(priced, Code):
        below = order.base_fen(benefit.threshold_base) < benefit.threshold_fen
        assert priced is (Code.BELOW_THRESHOLD if below else Code.ORDER_AMOUNTS_INVALID)
        return
    assert priced.base_fen >= benefit.threshold_fen
    assert 1 <= priced.voucher_fen <= benefit.greatest_fen
    assert priced.paid_fen >= 0
    if benefit.order_share_cap_bp is not None:
        most_fen = order.order_fen * benefit.order_share_cap_bp
        assert priced.voucher_fen * BASIS_POINTS <= most_fen
    # A redemption refuses amounts that do not close and parts that do not add up.
    Redeemed(
        order_fen=order.order_fen,
        merchant_discount_fen=order.merchant_discount_fen,
        platform_discount_fen=order.platform_discount_fen,
        voucher_fen=priced.voucher_fen,
        paid_fen=priced.paid_fen,
        parts=priced.parts,
    )


@given(orders(), benefits())
def test_what_stock_reserves_covers_the_fiscal_part_of_any_order(
    order: Order, benefit: Benefit
) -> None:
    priced = price_or_refusal(order, benefit)
    assume(isinstance(priced, Priced))
    assert isinstance(priced, Priced)
    reserve_fen = fiscal_reserve_fen(benefit.greatest_fen, benefit.funding)
    assert priced.parts.fiscal_fen <= reserve_fen

"""Amounts, shares and redemptions for properties: small ones mostly, where rounding shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from functions.shared.domain.money import BASIS_POINTS, MAX_ORDER_FEN, FundingShares, split_funding
from functions.shared.domain.refunds import Redeemed

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

amounts = st.one_of(
    st.integers(0, 40), st.integers(0, 100_000), st.integers(MAX_ORDER_FEN - 40, MAX_ORDER_FEN)
)


@st.composite
def funding_shares(draw: DrawFn) -> FundingShares:
    """Shares between three funders; any of them may bear nothing."""
    cuts = sorted((draw(st.integers(0, BASIS_POINTS)), draw(st.integers(0, BASIS_POINTS))))
    return FundingShares(
        fiscal_bp=cuts[0], platform_bp=cuts[1] - cuts[0], merchant_bp=BASIS_POINTS - cuts[1]
    )


@st.composite
def redeemed_orders(draw: DrawFn, *, most_fen: int = MAX_ORDER_FEN // 4) -> Redeemed:
    """A redemption with something to refund; four amounts of up to `most_fen`."""
    small = st.integers(0, min(40, most_fen))
    amount = st.one_of(small, st.integers(0, min(100_000, most_fen)), st.integers(0, most_fen))
    voucher_fen = draw(amount)
    paid_fen = draw(amount.filter(lambda fen: voucher_fen + fen > 0))
    merchant_discount_fen, platform_discount_fen = draw(amount), draw(amount)
    return Redeemed(
        order_fen=merchant_discount_fen + platform_discount_fen + voucher_fen + paid_fen,
        merchant_discount_fen=merchant_discount_fen,
        platform_discount_fen=platform_discount_fen,
        voucher_fen=voucher_fen,
        paid_fen=paid_fen,
        parts=split_funding(voucher_fen, draw(funding_shares())),
    )

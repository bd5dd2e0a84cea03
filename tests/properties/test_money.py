"""Splits lose nothing, stay within a fen of their quota, and the reserve covers them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.money import (
    BASIS_POINTS,
    MAX_CAMPAIGN_FEN,
    ceil_share,
    fiscal_reserve_fen,
    floor_share,
    split_funding,
    split_largest_remainder,
)
from tests.properties.strategies import amounts, funding_shares

if TYPE_CHECKING:
    from random import Random

    from functions.shared.domain.money import FundingShares

weights = st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any)


@given(st.integers(0, MAX_CAMPAIGN_FEN), weights, st.randoms())
def test_a_split_adds_up_and_keeps_the_quota(
    amount_fen: int, weights: list[int], random: Random
) -> None:
    tie_order = list(range(len(weights)))
    random.shuffle(tie_order)
    split = split_largest_remainder(amount_fen, weights, tie_order)
    assert sum(split) == amount_fen
    for part, weight in zip(split, weights, strict=True):
        quota = Fraction(amount_fen * weight, sum(weights))
        assert quota // 1 <= part <= -(-quota // 1)


@given(st.integers(0, 200), weights, st.randoms())
def test_no_unserved_part_has_more_right_to_a_fen_than_a_served_one(
    amount_fen: int, weights: list[int], random: Random
) -> None:
    tie_order = list(range(len(weights)))
    random.shuffle(tie_order)
    split = split_largest_remainder(amount_fen, weights, tie_order)
    whole = sum(weights)
    # A right to a fen: the remainder first, then the place in the tie order.
    served: list[tuple[int, int]] = []
    unserved: list[tuple[int, int]] = []
    for index, (part, weight) in enumerate(zip(split, weights, strict=True)):
        right = (amount_fen * weight % whole, -tie_order.index(index))
        (served if part > amount_fen * weight // whole else unserved).append(right)
    assert not served or not unserved or max(unserved) < min(served)


@given(amounts, st.integers(0, BASIS_POINTS))
def test_floor_and_ceil_are_the_whole_fen_around_the_share(amount_fen: int, share_bp: int) -> None:
    share = Fraction(amount_fen * share_bp, BASIS_POINTS)
    assert floor_share(amount_fen, share_bp) == share // 1
    assert ceil_share(amount_fen, share_bp) == -(-share // 1)


@given(amounts, funding_shares())
def test_funding_parts_add_up(amount_fen: int, shares: FundingShares) -> None:
    assert split_funding(amount_fen, shares).total_fen == amount_fen


@given(amounts, amounts, funding_shares())
def test_the_fiscal_reserve_covers_every_amount_up_to_the_greatest(
    one_fen: int, other_fen: int, shares: FundingShares
) -> None:
    amount_fen, greatest_fen = sorted((one_fen, other_fen))
    reserve_fen = fiscal_reserve_fen(greatest_fen, shares)
    assert split_funding(amount_fen, shares).fiscal_fen <= reserve_fen


@given(amounts, funding_shares())
def test_the_fiscal_reserve_ties_up_at_most_a_fen_too_much(
    greatest_fen: int, shares: FundingShares
) -> None:
    reserve_fen = fiscal_reserve_fen(greatest_fen, shares)
    assert reserve_fen - split_funding(greatest_fen, shares).fiscal_fen <= 1

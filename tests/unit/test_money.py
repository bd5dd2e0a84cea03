"""Amounts: what counts as one, shares, and splits at their bounds."""

from __future__ import annotations

from decimal import Decimal

import pytest

from functions.shared.domain.money import (
    BASIS_POINTS,
    MAX_CAMPAIGN_FEN,
    MAX_ORDER_FEN,
    NO_PARTS,
    FundingParts,
    FundingShares,
    ceil_share,
    fiscal_reserve_fen,
    floor_share,
    require_bp,
    require_fen,
    require_int,
    split_funding,
    split_largest_remainder,
)


def shares(fiscal_bp: int, platform_bp: int, merchant_bp: int) -> FundingShares:
    return FundingShares(fiscal_bp=fiscal_bp, platform_bp=platform_bp, merchant_bp=merchant_bp)


def parts(fiscal_fen: int, platform_fen: int, merchant_fen: int) -> FundingParts:
    return FundingParts(fiscal_fen=fiscal_fen, platform_fen=platform_fen, merchant_fen=merchant_fen)


def test_limits_are_those_of_the_rules() -> None:
    assert MAX_ORDER_FEN == 10_000_000_000
    assert MAX_CAMPAIGN_FEN == 10_000_000_000_000
    assert BASIS_POINTS == 10_000


@pytest.mark.parametrize("value", [True, False, 1.0, Decimal(1), "1", None, b"1", [1]], ids=repr)
def test_only_an_int_is_an_amount(value: object) -> None:
    with pytest.raises(
        ValueError, match=rf"^face_fen must be an integer, not {type(value).__name__}$"
    ):
        require_fen(value, name="face_fen")
    with pytest.raises(ValueError, match=r"^face_bp must be an integer"):
        require_bp(value, name="face_bp")
    with pytest.raises(ValueError, match=r"^count must be an integer"):
        require_int(value, name="count")


def test_an_int_of_any_size_is_an_int() -> None:
    assert require_int(-(2**70), name="count") == -(2**70)


def test_an_amount_is_within_its_bounds() -> None:
    assert require_fen(0, name="paid_fen") == 0
    assert require_fen(MAX_ORDER_FEN, name="paid_fen") == MAX_ORDER_FEN
    assert require_fen(7, name="paid_fen", low=7, high=7) == 7
    for low, high, value in [(0, MAX_ORDER_FEN, -1), (0, MAX_ORDER_FEN, MAX_ORDER_FEN + 1)]:
        with pytest.raises(ValueError, match=rf"^paid_fen must be from {low} to {high}$"):
            require_fen(value, name="paid_fen")
    for value in (6, 9):
        with pytest.raises(ValueError, match=r"^paid_fen must be from 7 to 8$"):
            require_fen(value, name="paid_fen", low=7, high=8)


def test_a_share_is_within_its_bounds() -> None:
    assert require_bp(0, name="share_bp") == 0
    assert require_bp(10_000, name="share_bp") == 10_000
    for low, value in [(0, -1), (1, 0), (0, 10_001)]:
        with pytest.raises(ValueError, match=rf"^share_bp must be from {low} to 10000$"):
            require_bp(value, name="share_bp", low=low)


@pytest.mark.parametrize(
    ("amount_fen", "share_bp", "floor", "ceil"),
    [
        (0, 5_000, 0, 0),
        (1, 5_000, 0, 1),
        (9_999, 1, 0, 1),
        (10_000, 1, 1, 1),
        (10_001, 1, 1, 2),
        (12_345, 10_000, 12_345, 12_345),
        (12_345, 0, 0, 0),
        (MAX_CAMPAIGN_FEN, 9_999, 9_999_000_000_000, 9_999_000_000_000),
    ],
)
def test_shares_round_down_or_up(amount_fen: int, share_bp: int, floor: int, ceil: int) -> None:
    assert floor_share(amount_fen, share_bp) == floor
    assert ceil_share(amount_fen, share_bp) == ceil


@pytest.mark.parametrize("share", [floor_share, ceil_share])
def test_shares_refuse_what_is_out_of_range(share: object) -> None:
    assert callable(share)
    for amount_fen in (-1, MAX_CAMPAIGN_FEN + 1, True):
        with pytest.raises(ValueError, match=r"^amount_fen must be"):
            share(amount_fen, 1)
    for share_bp in (-1, 10_001, True):
        with pytest.raises(ValueError, match=r"^share_bp must be"):
            share(1, share_bp)


@pytest.mark.parametrize(
    ("amount_fen", "weights", "tie_order", "expected"),
    [
        (100, (1, 1), (0, 1), (50, 50)),
        (101, (1, 1), (0, 1), (51, 50)),
        (101, (1, 1), (1, 0), (50, 51)),
        (1, (1, 1, 1), (2, 0, 1), (0, 0, 1)),
        (2, (1, 1, 1), (2, 0, 1), (1, 0, 1)),
        (10, (1, 2, 4), (0, 1, 2), (1, 3, 6)),  # remainders 3, 6 and 5 of 7
        (7, (0, 3, 0, 2), (0, 2, 1, 3), (0, 4, 0, 3)),
        (5, (9,), (0,), (5,)),
        (0, (1, 2), (0, 1), (0, 0)),
        (MAX_CAMPAIGN_FEN, (1, 2), (0, 1), (3_333_333_333_333, 6_666_666_666_667)),
    ],
)
def test_largest_remainder(
    amount_fen: int, weights: tuple[int, ...], tie_order: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert split_largest_remainder(amount_fen, weights, tie_order) == expected


@pytest.mark.parametrize("weights", [(), (0, 0), (-1, 2), (2, -1)])
def test_weights_are_not_negative_and_not_all_zero(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^weights must not be negative and not all zero$"):
        split_largest_remainder(1, weights, range(len(weights)))


@pytest.mark.parametrize("tie_order", [(), (0,), (0, 0), (0, 2), (0, 1, 2)])
def test_a_tie_order_names_every_weight_once(tie_order: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^tie_order must hold every index of weights once$"):
        split_largest_remainder(1, (1, 1), tie_order)


@pytest.mark.parametrize("amount_fen", [-1, MAX_CAMPAIGN_FEN + 1, 1.0])
def test_an_amount_out_of_range_is_not_split(amount_fen: int) -> None:
    with pytest.raises(ValueError, match=r"^amount_fen must be"):
        split_largest_remainder(amount_fen, (1, 1), (0, 1))


def test_funding_shares_sum_to_the_whole() -> None:
    assert shares(10_000, 0, 0).fiscal_bp == 10_000
    for wrong in [(9_999, 0, 0), (10_000, 1, 0), (3_333, 3_333, 3_333), (0, 0, 0)]:
        with pytest.raises(ValueError, match=r"merchant_bp must sum to 10000$"):
            shares(*wrong)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((-1, 10_001, 0), "fiscal_bp"),
        ((10_001, -1, 0), "fiscal_bp"),
        ((0, -1, 10_001), "platform_bp"),
        ((0, 10_001, -1), "platform_bp"),
        ((5_000, 5_001, -1), "merchant_bp"),
        ((True, 0, 9_999), "fiscal_bp"),
        ((0, True, 9_999), "platform_bp"),
        ((0, 9_999, True), "merchant_bp"),
    ],
)
def test_each_funding_share_is_in_range(values: tuple[int, int, int], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        shares(*values)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((-1, 0, 0), "fiscal_fen"),
        ((0, -1, 0), "platform_fen"),
        ((0, 0, -1), "merchant_fen"),
        ((MAX_CAMPAIGN_FEN + 1, 0, 0), "fiscal_fen"),
        ((0, MAX_CAMPAIGN_FEN + 1, 0), "platform_fen"),
        ((0, 0, MAX_CAMPAIGN_FEN + 1), "merchant_fen"),
    ],
)
def test_each_funding_part_is_in_range(values: tuple[int, int, int], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be from 0 to {MAX_CAMPAIGN_FEN}$"):
        parts(*values)


def test_funding_parts_reach_a_whole_campaign() -> None:
    assert parts(MAX_CAMPAIGN_FEN, MAX_CAMPAIGN_FEN, MAX_CAMPAIGN_FEN).total_fen == 3 * 10**13


def test_funding_parts_add_and_subtract_part_by_part() -> None:
    assert parts(1, 20, 300) + parts(4, 50, 600) == parts(5, 70, 900)
    assert parts(5, 70, 900) - parts(4, 50, 600) == parts(1, 20, 300)
    assert parts(1, 20, 300).total_fen == 321
    assert parts(0, 0, 0) == NO_PARTS


def test_no_part_goes_below_zero() -> None:
    for less, name in [((1, 0, 0), "fiscal_fen"), ((0, 1, 0), "platform_fen")]:
        with pytest.raises(ValueError, match=rf"^{name} must be from 0"):
            NO_PARTS - parts(*less)
    with pytest.raises(ValueError, match=r"^merchant_fen must be from 0"):
        parts(9, 9, 0) - parts(0, 0, 1)


@pytest.mark.parametrize(
    ("amount_fen", "funding", "expected"),
    [
        # Shijingshan's vouchers are the budget's alone.
        (2_000, (10_000, 0, 0), (2_000, 0, 0)),
        (9_000, (5_000, 3_000, 2_000), (4_500, 2_700, 1_800)),
        # Equal remainders: the platform is served first, the merchant next, the budget last.
        (1, (5_000, 5_000, 0), (0, 1, 0)),
        (1, (5_000, 0, 5_000), (0, 0, 1)),
        (1, (0, 5_000, 5_000), (0, 1, 0)),
        (2, (5_000, 2_500, 2_500), (1, 1, 0)),
        (3, (5_000, 2_500, 2_500), (1, 1, 1)),
        # Where its remainder is greatest the budget does pay the odd fen.
        (1, (3_334, 3_333, 3_333), (1, 0, 0)),
        (1, (3_333, 3_333, 3_334), (0, 0, 1)),
        (MAX_ORDER_FEN, (3_333, 3_333, 3_334), (3_333 * 10**6, 3_333 * 10**6, 3_334 * 10**6)),
    ],
)
def test_funding_is_split_by_largest_remainder(
    amount_fen: int, funding: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    assert split_funding(amount_fen, shares(*funding)) == parts(*expected)


@pytest.mark.parametrize("amount_fen", [-1, MAX_ORDER_FEN + 1, True])
def test_no_more_than_an_order_is_split(amount_fen: int) -> None:
    with pytest.raises(ValueError, match=r"^amount_fen must be"):
        split_funding(amount_fen, shares(10_000, 0, 0))


def test_a_smaller_amount_can_cost_the_budget_more() -> None:
    """Largest remainder is not monotone; the reserve covers the smaller amount all the same."""
    funding = shares(1_500, 4_000, 4_500)
    assert split_funding(3, funding) == parts(1, 1, 1)
    assert split_funding(4, funding) == parts(0, 2, 2)
    assert fiscal_reserve_fen(4, funding) == 1


@pytest.mark.parametrize(
    ("greatest_fen", "fiscal_bp", "reserve_fen"),
    [
        (2_000, 10_000, 2_000),
        (2_000, 0, 0),
        (0, 10_000, 0),
        (9_999, 5_000, 5_000),
        (10_000, 5_000, 5_000),
        (10_001, 5_000, 5_001),
        (MAX_ORDER_FEN, 9_999, 9_999_000_000),
    ],
)
def test_the_fiscal_reserve_is_the_quota_rounded_up(
    greatest_fen: int, fiscal_bp: int, reserve_fen: int
) -> None:
    assert fiscal_reserve_fen(greatest_fen, shares(fiscal_bp, 10_000 - fiscal_bp, 0)) == reserve_fen


@pytest.mark.parametrize("greatest_fen", [-1, MAX_ORDER_FEN + 1, True])
def test_no_more_than_an_order_is_reserved(greatest_fen: int) -> None:
    with pytest.raises(ValueError, match=r"^greatest_fen must be"):
        fiscal_reserve_fen(greatest_fen, shares(10_000, 0, 0))

"""Amounts in integer fen, and how one amount is split without losing a fen.

No float or Decimal ever holds money, and `bool` is not an amount although Python calls it an int.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ORDER_FEN: Final = 10**10
"""The greatest order, in fen: CNY 100 million."""

MAX_CAMPAIGN_FEN: Final = 10**13
"""The greatest appropriation of a campaign, in fen: CNY 100 billion."""

BASIS_POINTS: Final = 10_000
"""The whole, in basis points."""


def require_int(value: object, *, name: str) -> int:
    """The value itself, if it is exactly an int.

    `type(...) is int` and not `isinstance`, because `True` would pass the latter as one fen.

    Raises:
        ValueError: for bool, float, Decimal, str and everything else; the message names the field
            and the type, never the value.

    """
    if type(value) is not int:
        raise ValueError(f"{name} must be an integer, not {type(value).__name__}")
    return value


def require_fen(value: object, *, name: str, low: int = 0, high: int = MAX_ORDER_FEN) -> int:
    """The value itself, if it is an int from `low` to `high`, both included.

    Raises:
        ValueError: if it is no int or out of range; the message names the field.

    """
    amount = require_int(value, name=name)
    if not low <= amount <= high:
        raise ValueError(f"{name} must be from {low} to {high}")
    return amount


def require_bp(value: object, *, name: str, low: int = 0) -> int:
    """The value itself, if it is an int from `low` to 10,000 basis points, both included.

    Raises:
        ValueError: if it is no int or out of range; the message names the field.

    """
    return require_fen(value, name=name, low=low, high=BASIS_POINTS)


def floor_share(amount_fen: int, share_bp: int) -> int:
    """The share of an amount, in fen, rounded down.

    Args:
        amount_fen: 0 to MAX_CAMPAIGN_FEN.
        share_bp: 0 to 10,000 basis points.

    Raises:
        ValueError: if either is no int or out of range.

    """
    require_fen(amount_fen, name="amount_fen", high=MAX_CAMPAIGN_FEN)
    require_bp(share_bp, name="share_bp")
    return amount_fen * share_bp // BASIS_POINTS


def ceil_share(amount_fen: int, share_bp: int) -> int:
    """The share of an amount, in fen, rounded up; arguments as for `floor_share`."""
    require_fen(amount_fen, name="amount_fen", high=MAX_CAMPAIGN_FEN)
    require_bp(share_bp, name="share_bp")
    return -(-amount_fen * share_bp // BASIS_POINTS)


def split_largest_remainder(
    amount_fen: int, weights: Sequence[int], tie_order: Sequence[int]
) -> tuple[int, ...]:
    """The amount in proportion to the weights, to the fen, adding up exactly.

    Each part is its exact quota rounded down or up (the quota rule). It is *not* monotone: a
    greater amount can give one part less (the Alabama paradox), so it must not be applied to
    running totals.

    Args:
        amount_fen: 0 to MAX_CAMPAIGN_FEN.
        weights: not negative, not all zero. A weight of zero gets nothing.
        tie_order: every index of `weights` once; on equal remainders the earlier is served first.

    Returns:
        One part for each weight, in the order of the weights.

    Raises:
        ValueError: if an argument is not as described.

    """
    require_fen(amount_fen, name="amount_fen", high=MAX_CAMPAIGN_FEN)
    whole = sum(weights)
    if whole == 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative and not all zero")
    if sorted(tie_order) != list(range(len(weights))):
        raise ValueError("tie_order must hold every index of weights once")
    parts = [amount_fen * weight // whole for weight in weights]
    left_fen = amount_fen - sum(parts)
    # Sorting is stable, so equal remainders stay in tie_order. The remainders sum to left_fen
    # wholes and each is below one whole: only parts that have a remainder are served.
    by_remainder = sorted(tie_order, key=lambda index: -(amount_fen * weights[index] % whole))
    for index in by_remainder[:left_fen]:
        parts[index] += 1
    return tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingShares:
    """Who pays which share of a voucher, in basis points that sum to 10,000."""

    fiscal_bp: int
    platform_bp: int
    merchant_bp: int

    def __post_init__(self) -> None:
        require_bp(self.fiscal_bp, name="fiscal_bp")
        require_bp(self.platform_bp, name="platform_bp")
        require_bp(self.merchant_bp, name="merchant_bp")
        if self.fiscal_bp + self.platform_bp + self.merchant_bp != BASIS_POINTS:
            raise ValueError("fiscal_bp, platform_bp and merchant_bp must sum to 10000")


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingParts:
    """A voucher's money by who pays it: for one order, or summed up to a whole campaign.

    No part is ever negative, so a difference that would be is refused rather than carried on.
    """

    fiscal_fen: int
    platform_fen: int
    merchant_fen: int

    def __post_init__(self) -> None:
        require_fen(self.fiscal_fen, name="fiscal_fen", high=MAX_CAMPAIGN_FEN)
        require_fen(self.platform_fen, name="platform_fen", high=MAX_CAMPAIGN_FEN)
        require_fen(self.merchant_fen, name="merchant_fen", high=MAX_CAMPAIGN_FEN)

    @property
    def total_fen(self) -> int:
        """What the parts add up to, in fen."""
        return self.fiscal_fen + self.platform_fen + self.merchant_fen

    def __add__(self, other: FundingParts) -> FundingParts:
        return FundingParts(
            fiscal_fen=self.fiscal_fen + other.fiscal_fen,
            platform_fen=self.platform_fen + other.platform_fen,
            merchant_fen=self.merchant_fen + other.merchant_fen,
        )

    def __sub__(self, other: FundingParts) -> FundingParts:
        return FundingParts(
            fiscal_fen=self.fiscal_fen - other.fiscal_fen,
            platform_fen=self.platform_fen - other.platform_fen,
            merchant_fen=self.merchant_fen - other.merchant_fen,
        )


NO_PARTS: Final = FundingParts(fiscal_fen=0, platform_fen=0, merchant_fen=0)
"""Nothing from anyone: where sums start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetParts:
    """A difference of voucher money by who funds it; any part may be negative."""

    fiscal_fen: int
    platform_fen: int
    merchant_fen: int

    @classmethod
    def between(cls, before: FundingParts, after: FundingParts) -> NetParts:
        """What must be added to the one to come to the other."""
        return cls(
            fiscal_fen=after.fiscal_fen - before.fiscal_fen,
            platform_fen=after.platform_fen - before.platform_fen,
            merchant_fen=after.merchant_fen - before.merchant_fen,
        )

    @property
    def total_fen(self) -> int:
        """What the parts add up to, in fen."""
        return self.fiscal_fen + self.platform_fen + self.merchant_fen

    def __add__(self, other: NetParts) -> NetParts:
        return NetParts(
            fiscal_fen=self.fiscal_fen + other.fiscal_fen,
            platform_fen=self.platform_fen + other.platform_fen,
            merchant_fen=self.merchant_fen + other.merchant_fen,
        )

    def __neg__(self) -> NetParts:
        return NetParts(
            fiscal_fen=-self.fiscal_fen,
            platform_fen=-self.platform_fen,
            merchant_fen=-self.merchant_fen,
        )


NO_NET: Final = NetParts(fiscal_fen=0, platform_fen=0, merchant_fen=0)

# Positions in (fiscal, platform, merchant). A fen that two could bear alike is never borne by
# the public budget; between the two others the platform, which signed for its share, comes first.
_FISCAL_LAST: Final = (1, 2, 0)


def split_funding(amount_fen: int, shares: FundingShares) -> FundingParts:
    """The parts of one voucher's money, adding up exactly.

    Largest remainder; on equal remainders the platform is served first, then the merchant, then
    the fiscal part.

    Args:
        amount_fen: 0 to MAX_ORDER_FEN.
        shares: the funding shares of the voucher's type.

    Raises:
        ValueError: if the amount is no int or out of range.

    """
    require_fen(amount_fen, name="amount_fen")
    weights = (shares.fiscal_bp, shares.platform_bp, shares.merchant_bp)
    fiscal_fen, platform_fen, merchant_fen = split_largest_remainder(
        amount_fen, weights, _FISCAL_LAST
    )
    return FundingParts(fiscal_fen=fiscal_fen, platform_fen=platform_fen, merchant_fen=merchant_fen)


def fiscal_reserve_fen(greatest_fen: int, shares: FundingShares) -> int:
    """The fen of public money that covers the fiscal part of any amount up to `greatest_fen`.

    It is not enough to split `greatest_fen` itself, because largest remainder is not monotone: in
    shares of 15, 40 and 45 %, an order that draws 4 fen costs the budget nothing and one that
    draws 3 fen costs it 1. By the quota rule the fiscal part of an amount is at most its exact
    quota rounded up, and the quota grows with the amount; so the quota of the greatest amount,
    rounded up, bounds them all. It is at most one fen above the least such bound.

    Args:
        greatest_fen: 0 to MAX_ORDER_FEN.
        shares: the funding shares of the voucher's type.

    Raises:
        ValueError: if the amount is no int or out of range.

    """
    require_fen(greatest_fen, name="greatest_fen")
    return ceil_share(greatest_fen, shares.fiscal_bp)

"""What a voucher is worth for an order: its benefit, priced against the order's amounts.

    order_fen = merchant_discount_fen + platform_discount_fen + voucher_fen + paid_fen

The platform sends the first three, Huimin computes `voucher_fen`, and what the consumer pays
follows. The sum always closes, and nothing in it is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import (
    floor_share,
    require_bp,
    require_fen,
    split_funding,
)

if TYPE_CHECKING:
    from functions.shared.domain.money import FundingParts, FundingShares


class VoucherKind(StrEnum):
    """How a voucher's money is computed."""

    INSTANT_REDUCTION = "INSTANT_REDUCTION"
    """满减, 立减: a fixed face off the order."""

    DISCOUNT = "DISCOUNT"
    """折扣: a share of the base, up to a cap."""

    TICKET = "TICKET"
    """票券: pays for an item: with a fixed face, or with the item's price, up to a cap."""


class ThresholdBase(StrEnum):
    """The amount that is compared with the threshold, and that a DISCOUNT is a share of."""

    ORDER = "ORDER"
    """The order before any discount."""

    AFTER_MERCHANT = "AFTER_MERCHANT"
    """What remains after the merchant's own discount."""

    AFTER_DISCOUNTS = "AFTER_DISCOUNTS"
    """What remains after the merchant's and the platform's own discounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """What a voucher type gives, when it gives it, and who pays.

    Args:
        kind: decides which of `face_fen`, `percent_off_bp` and `cap_fen` are set; others are None.
        threshold_fen: the least base that the voucher applies to; 0 for none.
        threshold_base: what counts as the base.
        funding: who pays which share.
        face_fen: INSTANT_REDUCTION, and a TICKET of fixed face: the amount, at least 1.
        percent_off_bp: DISCOUNT: the share taken off the base, from 1 to 10,000 basis points.
        cap_fen: DISCOUNT, and a TICKET that pays the base: the most that it takes off, at least 1.
        order_share_cap_bp: where set, the voucher's money is at most this share of `order_fen`,
            rounded down; from 1 to 10,000 basis points.

    Raises:
        ValueError: naming the field that is no int, out of range, or not of this kind.

    """

    kind: VoucherKind
    threshold_fen: int
    threshold_base: ThresholdBase
    funding: FundingShares
    face_fen: int | None = None
    percent_off_bp: int | None = None
    cap_fen: int | None = None
    order_share_cap_bp: int | None = None

    def __post_init__(self) -> None:
        require_fen(self.threshold_fen, name="threshold_fen")
        if self.order_share_cap_bp is not None:
            require_bp(self.order_share_cap_bp, name="order_share_cap_bp", low=1)
        match self.kind:
            case VoucherKind.INSTANT_REDUCTION:
                require_fen(self.face_fen, name="face_fen", low=1)
                self._require_none("percent_off_bp", self.percent_off_bp)
                self._require_none("cap_fen", self.cap_fen)
            case VoucherKind.TICKET:
                self._require_none("percent_off_bp", self.percent_off_bp)
                if (self.face_fen is None) == (self.cap_fen is None):
                    raise ValueError("a TICKET has either face_fen or cap_fen")
                name = "cap_fen" if self.face_fen is None else "face_fen"
                require_fen(getattr(self, name), name=name, low=1)
            case VoucherKind.DISCOUNT:
                self._require_none("face_fen", self.face_fen)
                require_bp(self.percent_off_bp, name="percent_off_bp", low=1)
                require_fen(self.cap_fen, name="cap_fen", low=1)
            case _:
                assert_never(self.kind)

    @property
    def greatest_fen(self) -> int:
        """The most that one voucher can cost its funders; stock is reserved at this amount."""
        return min(amount for amount in (self.face_fen, self.cap_fen) if amount is not None)

    def _require_none(self, name: str, value: object) -> None:
        if value is not None:
            raise ValueError(f"{name} is not for {self.kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A platform's order before the voucher, in fen.

    Args:
        order_fen: the goods' price, at least 1.
        merchant_discount_fen: what the merchant takes off by itself.
        platform_discount_fen: what the platform takes off by itself.

    Raises:
        ValueError: naming the field that is no int or out of range.
        HuiminError: ORDER_AMOUNTS_INVALID, if the discounts exceed the order.

    """

    order_fen: int
    merchant_discount_fen: int = 0
    platform_discount_fen: int = 0

    def __post_init__(self) -> None:
        require_fen(self.order_fen, name="order_fen", low=1)
        require_fen(self.merchant_discount_fen, name="merchant_discount_fen")
        require_fen(self.platform_discount_fen, name="platform_discount_fen")
        if self.after_discounts_fen < 0:
            raise HuiminError(
                Code.ORDER_AMOUNTS_INVALID,
                order_fen=self.order_fen,
                merchant_discount_fen=self.merchant_discount_fen,
                platform_discount_fen=self.platform_discount_fen,
            )

    @property
    def after_merchant_fen(self) -> int:
        """What remains after the merchant's own discount."""
        return self.order_fen - self.merchant_discount_fen

    @property
    def after_discounts_fen(self) -> int:
        """What remains after both own discounts: voucher and consumer pay it together."""
        return self.after_merchant_fen - self.platform_discount_fen

    def base_fen(self, base: ThresholdBase) -> int:
        """The amount that the named base stands for."""
        return base_of(
            base,
            after_discounts_fen=self.after_discounts_fen,
            platform_discount_fen=self.platform_discount_fen,
            merchant_discount_fen=self.merchant_discount_fen,
        )


def base_of(
    base: ThresholdBase,
    *,
    after_discounts_fen: int,
    platform_discount_fen: int,
    merchant_discount_fen: int,
) -> int:
    """The amount that the named base stands for, from an order's parts."""
    match base:
        case ThresholdBase.ORDER:
            return after_discounts_fen + platform_discount_fen + merchant_discount_fen
        case ThresholdBase.AFTER_MERCHANT:
            return after_discounts_fen + platform_discount_fen
        case ThresholdBase.AFTER_DISCOUNTS:
            return after_discounts_fen
        case _:
            assert_never(base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """An order with its voucher.

    Args:
        base_fen: what was compared with the threshold.
        voucher_fen: the voucher's money, at least 1.
        parts: `voucher_fen` by who funds it.
        paid_fen: what the consumer pays; 0 where the voucher covers the rest.

    """

    base_fen: int
    voucher_fen: int
    parts: FundingParts
    paid_fen: int


def price_order(order: Order, benefit: Benefit) -> Priced:
    """The voucher's money for an order, its funding parts, and what the consumer pays.

    A voucher is never cut to fit a smaller order and never used up for nothing: both are refused,
    so that the consumer can keep it for an order that it fits.

    Raises:
        HuiminError: BELOW_THRESHOLD, if the base is less than the threshold;
            ORDER_AMOUNTS_INVALID, if the voucher exceeds what is left to pay, or is worth
            less than one fen on this order.

    """
    base_fen = order.base_fen(benefit.threshold_base)
    if base_fen < benefit.threshold_fen:
        raise HuiminError(
            Code.BELOW_THRESHOLD,
            base_fen=base_fen,
            threshold_fen=benefit.threshold_fen,
            threshold_base=benefit.threshold_base,
        )
    voucher_fen = _voucher_fen(order, benefit, base_fen=base_fen)
    if not 1 <= voucher_fen <= order.after_discounts_fen:
        raise HuiminError(
            Code.ORDER_AMOUNTS_INVALID,
            order_fen=order.order_fen,
            merchant_discount_fen=order.merchant_discount_fen,
            platform_discount_fen=order.platform_discount_fen,
            voucher_fen=voucher_fen,
        )
    return Priced(
        base_fen=base_fen,
        voucher_fen=voucher_fen,
        parts=split_funding(voucher_fen, benefit.funding),
        paid_fen=order.after_discounts_fen - voucher_fen,
    )


def _voucher_fen(order: Order, benefit: Benefit, *, base_fen: int) -> int:
    voucher_fen = benefit.greatest_fen
    if benefit.percent_off_bp is not None:
        voucher_fen = min(voucher_fen, floor_share(base_fen, benefit.percent_off_bp))
    elif benefit.face_fen is None:
        voucher_fen = min(voucher_fen, base_fen)
    if benefit.order_share_cap_bp is not None:
        voucher_fen = min(voucher_fen, floor_share(order.order_fen, benefit.order_share_cap_bp))
    return voucher_fen

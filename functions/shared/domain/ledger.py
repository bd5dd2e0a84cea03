"""Ledger entries: a redemption of one voucher for one order, and the refunds of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from functions.shared.domain.ids import segment_of
from functions.shared.domain.money import FundingParts
from functions.shared.domain.refunds import Redeemed, Refunded
from functions.shared.domain.vouchers import VoucherState

DAY_SEGMENTS: Final = 8
"""Into how many parts the entries of a campaign, platform and business date are spread.

A busy day of one platform, 2,000 entries a second, puts 250 on each key of the day's index (the
limit is 1,000); and whoever works on a day of millions takes it a segment at a time.
"""


DAY_SLICES: Final = 256
"""Into how many slices a day that many functions do is cut; as many of each segment."""


def day_slice(identifier: str) -> int:
    """The slice of its day, from 0 to DAY_SLICES - 1, that an order's entries belong to.

    Slice modulo DAY_SEGMENTS is the segment, so that a segment is cut into whole slices.
    """
    return segment_of(identifier, DAY_SLICES)


def day_segment(order_no: str) -> int:
    """The segment of its day, from 0 to DAY_SEGMENTS - 1, that an order's entries belong to.

    It follows from the platform's own number, so that a row of its bill names its segment too.
    """
    return segment_of(order_no, DAY_SEGMENTS)


@dataclass(frozen=True, slots=True)
class Redemption:
    """A redemption as stored; immutable but for `refunded` and the voucher that it earned.

    `industry` and `size_class` are the merchant's facts on the day, so that later changes of the
    registry do not move past reports.
    """

    redemption_id: str
    campaign_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    voucher_id: str
    person_ref: str
    merchant_id: str
    industry: str
    size_class: str
    order_no: str
    content_hash: str
    recorded_at: datetime
    business_on: date
    amounts: Redeemed
    refunded: Refunded
    refund_count: int = 0
    earned_voucher_id: str | None = None

    @property
    def net_parts(self) -> FundingParts:
        """Who still pays what for the voucher after its refunds."""
        return self.amounts.parts - self.refunded.parts


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as stored: what it reversed, and the voucher's state right after it."""

    redemption_id: str
    refund_no: str
    campaign_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    voucher_id: str
    person_ref: str
    merchant_id: str
    industry: str
    size_class: str
    order_no: str
    content_hash: str
    recorded_at: datetime
    business_on: date
    redeemed_on: date
    voucher_fen: int
    paid_fen: int
    merchant_discount_fen: int
    platform_discount_fen: int
    parts: FundingParts
    voucher_state: VoucherState

    @property
    def refund_fen(self) -> int:
        """What the refund named: the voucher's money and the consumer's together."""
        return self.voucher_fen + self.paid_fen

    @property
    def order_fen(self) -> int:
        """The order value that went back: what was refunded and the discounts that fell with it."""
        return self.refund_fen + self.merchant_discount_fen + self.platform_discount_fen

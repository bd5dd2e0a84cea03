"""What each refund of an order reverses: the voucher's money, its funding parts, the cash.

Everything is computed from running totals: the totals after a refund follow from the redemption,
the policy and the sum refunded so far, and a step is the difference of two totals. So the sizes
and the order of part refunds change no total, and the last one closes every part to zero.

Each running total is a function of the refunded sum that never falls. The funding parts need care
for that. Largest remainder is not monotone (see `money.split_largest_remainder`), and neither is
the difference of two separately rounded running sums. They are apportioned one after the other:

    refunded ──> voucher ──> fiscal
             │          └──> the rest ──> platform
             └> paid                 └──> merchant

Each arrow takes a rounded share of its source, and its sibling gets what remains. When the source
grows by one fen, a share of at most one whole grows, rounded, by 0 or 1, and the sibling by 1 or
0: neither falls. At the end the source is whole, so the share is exact and nothing is left.
Rounding is half up towards the voucher and, within it, towards public money: what is reversed in
part comes back to the budget first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import NO_PARTS, FundingParts, require_fen, require_int
from functions.shared.domain.refund_policies import PartPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The amounts of one redemption, as they were when the order was paid.

    `order_fen` is the sum of the two discounts, the voucher's money and what the consumer paid;
    `parts` add up to `voucher_fen`.
    """

    order_fen: int
    merchant_discount_fen: int
    platform_discount_fen: int
    voucher_fen: int
    paid_fen: int
    parts: FundingParts

    def __post_init__(self) -> None:
        require_fen(self.order_fen, name="order_fen")
        require_fen(self.merchant_discount_fen, name="merchant_discount_fen")
        require_fen(self.platform_discount_fen, name="platform_discount_fen")
        require_fen(self.voucher_fen, name="voucher_fen")
        require_fen(self.paid_fen, name="paid_fen")
        own_discounts_fen = self.merchant_discount_fen + self.platform_discount_fen
        if own_discounts_fen + self.voucher_fen + self.paid_fen != self.order_fen:
            raise ValueError("order_fen must be the sum of discounts, voucher_fen and paid_fen")
        if self.parts.total_fen != self.voucher_fen:
            raise ValueError("parts must add up to voucher_fen")

    @property
    def refundable_fen(self) -> int:
        """What can be refunded in all: the voucher's money and the consumer's."""
        return self.voucher_fen + self.paid_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """What all refunds of one redemption have reversed so far.

    `refunded_fen` is the sum of `voucher_fen` and `paid_fen`; `parts` add up to `voucher_fen`.
    """

    refunded_fen: int
    voucher_fen: int
    paid_fen: int
    parts: FundingParts
    merchant_discount_fen: int
    platform_discount_fen: int

    def __post_init__(self) -> None:
        require_fen(self.refunded_fen, name="refunded_fen")
        require_fen(self.voucher_fen, name="voucher_fen")
        require_fen(self.paid_fen, name="paid_fen")
        require_fen(self.merchant_discount_fen, name="merchant_discount_fen")
        require_fen(self.platform_discount_fen, name="platform_discount_fen")
        if self.voucher_fen + self.paid_fen != self.refunded_fen:
            raise ValueError("refunded_fen must be the sum of voucher_fen and paid_fen")
        if self.parts.total_fen != self.voucher_fen:
            raise ValueError("parts must add up to voucher_fen")


NOTHING_REFUNDED: Final = Refunded(
    refunded_fen=0,
    voucher_fen=0,
    paid_fen=0,
    parts=NO_PARTS,
    merchant_discount_fen=0,
    platform_discount_fen=0,
)
"""A redemption before its first refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStep:
    """What one refund reverses, and the totals after it.

    Args:
        voucher_fen: goes back to those who fund the voucher.
        paid_fen: goes back to the consumer.
        parts: `voucher_fen` by who funds it.
        merchant_discount_fen: of the merchant's own discount; for the statistics, no money moves.
        platform_discount_fen: of the platform's own discount; for the statistics likewise.
        after: the totals with this refund.
        is_whole: this one refund reverses the whole order, so the policies for whole refunds
            decide about the voucher. A series of part refunds never does, even once complete.
        closes: nothing is left to refund after it.

    """

    voucher_fen: int
    paid_fen: int
    parts: FundingParts
    merchant_discount_fen: int
    platform_discount_fen: int
    after: Refunded
    is_whole: bool
    closes: bool

    def __post_init__(self) -> None:
        # Totals that fall would mean money given twice: reached only if a redemption's policy
        # was changed between two of its refunds.
        require_fen(self.voucher_fen, name="voucher_fen")
        require_fen(self.paid_fen, name="paid_fen")
        require_fen(self.merchant_discount_fen, name="merchant_discount_fen")
        require_fen(self.platform_discount_fen, name="platform_discount_fen")


def plan_refund(
    redeemed: Redeemed, already: Refunded, *, refund_fen: int, policy: PartPolicy
) -> RefundStep:
    """What a refund of `refund_fen` reverses, given all refunds before it.

    A whole refund reverses all of the voucher's money whatever the policy, because every policy
    ends there.

    Args:
        redeemed: the redemption.
        already: its refunds so far, `NOTHING_REFUNDED` before the first.
        refund_fen: how much of `redeemed.refundable_fen`; from 1 to what is left of it.
        policy: the campaign's policy for part refunds, the same for all refunds of a redemption.

    Raises:
        HuiminError: REFUND_EXCEEDS_REDEMPTION, if `refund_fen` is not in that range.
        ValueError: if `refund_fen` is no int, or `already` cannot come from this redemption and
            policy.

    """
    require_int(refund_fen, name="refund_fen")
    refundable_fen = redeemed.refundable_fen
    refunded_fen = already.refunded_fen + refund_fen
    if refund_fen < 1 or refunded_fen > refundable_fen:
        raise HuiminError(
            Code.REFUND_EXCEEDS_REDEMPTION,
            refundable_fen=refundable_fen,
            refunded_fen=already.refunded_fen,
            refund_fen=refund_fen,
        )
    after = _total_after(redeemed, refunded_fen=refunded_fen, policy=policy)
    return RefundStep(
        voucher_fen=after.voucher_fen - already.voucher_fen,
        paid_fen=after.paid_fen - already.paid_fen,
        parts=after.parts - already.parts,
        merchant_discount_fen=after.merchant_discount_fen - already.merchant_discount_fen,
        platform_discount_fen=after.platform_discount_fen - already.platform_discount_fen,
        after=after,
        is_whole=refund_fen == refundable_fen,
        closes=refunded_fen == refundable_fen,
    )


def _total_after(redeemed: Redeemed, *, refunded_fen: int, policy: PartPolicy) -> Refunded:
    """All that is reversed once `refunded_fen` of the redemption have been refunded."""
    voucher_fen = _voucher_total_fen(redeemed, refunded_fen=refunded_fen, policy=policy)
    return Refunded(
        refunded_fen=refunded_fen,
        voucher_fen=voucher_fen,
        paid_fen=refunded_fen - voucher_fen,
        parts=_parts_total(redeemed.parts, voucher_fen=voucher_fen),
        merchant_discount_fen=_share_half_up(
            refunded_fen, part_fen=redeemed.merchant_discount_fen, whole_fen=redeemed.refundable_fen
        ),
        platform_discount_fen=_share_half_up(
            refunded_fen, part_fen=redeemed.platform_discount_fen, whole_fen=redeemed.refundable_fen
        ),
    )


def _voucher_total_fen(redeemed: Redeemed, *, refunded_fen: int, policy: PartPolicy) -> int:
    match policy:
        case PartPolicy.PRO_RATA:
            return _share_half_up(
                refunded_fen, part_fen=redeemed.voucher_fen, whole_fen=redeemed.refundable_fen
            )
        case PartPolicy.RECLAIM_ALL:
            return min(redeemed.voucher_fen, refunded_fen)
        case PartPolicy.KEEP:
            return refunded_fen - min(redeemed.paid_fen, refunded_fen)
        case _:
            assert_never(policy)


def _parts_total(given: FundingParts, *, voucher_fen: int) -> FundingParts:
    """The reversed voucher money by who funds it; each part never falls as it grows."""
    fiscal_fen = _share_half_up(voucher_fen, part_fen=given.fiscal_fen, whole_fen=given.total_fen)
    rest_fen = voucher_fen - fiscal_fen
    platform_fen = _share_half_up(
        rest_fen,
        part_fen=given.platform_fen,
        whole_fen=given.platform_fen + given.merchant_fen,
    )
    return FundingParts(
        fiscal_fen=fiscal_fen, platform_fen=platform_fen, merchant_fen=rest_fen - platform_fen
    )


def _share_half_up(amount_fen: int, *, part_fen: int, whole_fen: int) -> int:
    """The amount × part ÷ whole, rounded half up; of an empty whole the share is nothing."""
    if whole_fen == 0:
        return 0
    return (2 * amount_fen * part_fen + whole_fen) // (2 * whole_fen)

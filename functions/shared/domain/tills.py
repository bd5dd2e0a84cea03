"""What a voucher does to an order at the till: the rules of its type, in the order of the reasons.

Whether the voucher itself is usable is `shared.domain.vouchers`; whether the person has had too
many, the store's condition decides.
"""

from __future__ import annotations

from functions.shared.domain.campaign import Campaign, VoucherType
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.orders import Order, Priced, price_order
from functions.shared.domain.registry import Merchant, takes_part


def require_merchant(campaign: Campaign, merchant: Merchant | None, merchant_id: str) -> Merchant:
    """The merchant, if the campaign's vouchers may be redeemed there by its facts of the day.

    Raises:
        HuiminError: MERCHANT_NOT_IN_CAMPAIGN.

    """
    if merchant is None or not takes_part(merchant, campaign):
        raise HuiminError(Code.MERCHANT_NOT_IN_CAMPAIGN, merchant_id=merchant_id)
    return merchant


def price_at_till(
    voucher_type: VoucherType, order: Order, *, industry: str, platform_id: str
) -> Priced:
    """The voucher's money for that order there, its funding parts, and what the consumer pays.

    Args:
        voucher_type: of the voucher.
        order: before the voucher.
        industry: the merchant's.
        platform_id: through which the consumer pays.

    Raises:
        HuiminError: STACKING_NOT_ALLOWED, BELOW_THRESHOLD, ORDER_AMOUNTS_INVALID.

    """
    require_stacking(voucher_type, order)
    return price_order(order, voucher_type.benefit_at(industry, platform_id))


def require_stacking(voucher_type: VoucherType, order: Order) -> None:
    """Passes when the voucher may be used beside the order's own discounts.

    Raises:
        HuiminError: STACKING_NOT_ALLOWED, naming the discount.

    """
    stacking = voucher_type.stacking
    if order.merchant_discount_fen and not stacking.with_merchant_discount:
        raise HuiminError(
            Code.STACKING_NOT_ALLOWED, merchant_discount_fen=order.merchant_discount_fen
        )
    if order.platform_discount_fen and not stacking.with_platform_discount:
        raise HuiminError(
            Code.STACKING_NOT_ALLOWED, platform_discount_fen=order.platform_discount_fen
        )

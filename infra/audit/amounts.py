"""Amounts as the journal's lines have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.shared.domain.money import FundingParts, NetParts
from functions.shared.domain.refunds import Redeemed


def net_parts_of(data: Mapping[str, Any]) -> NetParts:
    """The funding parts of an adjusting entry; any may be negative."""
    return NetParts(
        fiscal_fen=data["fiscal_part_fen"],
        platform_fen=data["platform_part_fen"],
        merchant_fen=data["merchant_part_fen"],
    )


def parts_of(data: Mapping[str, Any]) -> FundingParts:
    """The funding parts of a redemption or refund."""
    return FundingParts(
        fiscal_fen=data["fiscal_part_fen"],
        platform_fen=data["platform_part_fen"],
        merchant_fen=data["merchant_part_fen"],
    )


def amounts_of(data: Mapping[str, Any]) -> Redeemed:
    """The amounts of a redemption; ValueError where they do not close."""
    return Redeemed(
        order_fen=data["order_fen"],
        merchant_discount_fen=data["merchant_discount_fen"],
        platform_discount_fen=data["platform_discount_fen"],
        voucher_fen=data["voucher_fen"],
        paid_fen=data["paid_fen"],
        parts=parts_of(data),
    )

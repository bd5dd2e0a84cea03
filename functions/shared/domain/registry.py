"""Platforms and merchants as the registry knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from functions.shared.domain.campaign import Campaign


class SizeClass(StrEnum):
    """规模类型 of a merchant."""

    LARGE = "LARGE"
    MEDIUM = "MEDIUM"
    SMALL = "SMALL"
    MICRO = "MICRO"
    SELF_EMPLOYED = "SELF_EMPLOYED"


@dataclass(frozen=True, slots=True)
class Platform:
    """A licensed platform; `role_arn` is the IAM role that all its calls are signed with."""

    platform_id: str
    version: int
    name: str
    role_arn: str
    active: bool
    made_by: str


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant's facts from `effective_on` until the next facts; a closed one is not active."""

    merchant_id: str
    effective_on: date
    name: str
    credit_code: str
    industry: str
    size_class: str
    district: str
    active: bool
    made_by: str


def takes_part(merchant: Merchant | None, campaign: Campaign) -> bool:
    """Whether the campaign's vouchers may be redeemed there, by the facts of the day."""
    scope = campaign.scope
    return (
        merchant is not None
        and merchant.active
        and merchant.industry in scope.industries
        and (not scope.merchants or merchant.merchant_id in scope.merchants)
        and (not scope.districts or merchant.district.startswith(scope.districts))
    )

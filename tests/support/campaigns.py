"""A small campaign with every kind of voucher, as a document and as a value, to be changed at will.

    spring-2026   two rounds of a week from 2026-01-05 10:00 (Beijing), platforms unionpay, meituan
    50-20         20 yuan off 50, all of it public money; 3 units a round and platform
    fifth-off     20 % off from 10 yuan, at most 30; fiscal 60 %, platform 25 %, merchant 15 %
    show          a ticket of 30 yuan, at most half of the order; one unit, on unionpay only

elders-2026   the same, with 50-20 granted by the bureau (`direct_document`)
thanks-2026   the same, with 50-20 earned by orders from 60 yuan after the merchant's discount, and
              two tickets of 30 yuan that may be used at once (`earning_document`)

A person takes one of each type a round, four in all, and uses two a day at a merchant.
"""

from __future__ import annotations

import copy
from typing import Any

from functions.shared.domain.campaign import (
    Campaign,
)
from functions.shared.domain.campaign_reader import campaign_from_document

CAMPAIGN_ID = "spring-2026"
DIRECT_ID = "elders-2026"
EARNING_ID = "thanks-2026"
UNIONPAY = "unionpay"
MEITUAN = "meituan"
REDUCTION = "50-20"
DISCOUNT = "fifth-off"
TICKET = "show"
# One of each: 2,000 of 2,000, 60 % of 3,000 and 3,000 of 3,000 fen.
RESERVES_FEN = {REDUCTION: 2_000, DISCOUNT: 1_800, TICKET: 3_000}
ROUND_1, ROUND_2 = "r1", "r2"
BEFORE = "2026-01-05T09:59:59.999+08:00"
OPEN = "2026-01-05T10:30:00+08:00"
CLOSE_1 = "2026-01-12T10:00:00+08:00"
CLOSE_2 = "2026-01-19T10:00:00+08:00"
REFUNDS_END = "2026-01-26T10:00:00+08:00"


def funding(fiscal_bp: int = 10_000, platform_bp: int = 0, merchant_bp: int = 0) -> dict[str, int]:
    """The funding section of a voucher type."""
    return {"fiscal_bp": fiscal_bp, "platform_bp": platform_bp, "merchant_bp": merchant_bp}


def allocation(voucher_type_id: str, platform_id: str, units: int) -> dict[str, Any]:
    """Stock of a round, in one shard."""
    return {
        "voucher_type_id": voucher_type_id,
        "platform_id": platform_id,
        "units": units,
        "expected_claims_per_s": 10,
    }


def contract(platform_id: str, *, days: int = 3) -> dict[str, Any]:
    """How a platform's settlements are confirmed and paid."""
    return {
        "platform_id": platform_id,
        "confirm_within_days": days,
        "account": {
            "name": f"{platform_id} 有限公司",
            "number": {"unionpay": "6200001111"}.get(platform_id, "6200002222"),
            "bank": "示例银行",
            "bank_code": "102100000002",
        },
    }


def campaign_document(**changes: object) -> dict[str, Any]:
    """The small campaign's document, with whole sections changed."""
    stock = [
        allocation(REDUCTION, UNIONPAY, 3),
        allocation(REDUCTION, MEITUAN, 3),
        allocation(DISCOUNT, UNIONPAY, 3),
        allocation(TICKET, UNIONPAY, 1),
    ]
    document: dict[str, Any] = {
        "schema_version": 1,
        "campaign_id": CAMPAIGN_ID,
        "name": {"zh": "新春消费券", "en": "Spring vouchers"},
        "appropriated_fen": 1_000_000,
        "source_account": {
            "name": "示例区商务局",
            "number": "0200001234567890123",
            "bank": "示例银行",
            "bank_code": "102100000000",
        },
        "holding_account": {
            "name": "示例区消费券专户",
            "number": "0200009876543210987",
            "bank": "示例银行示例支行",
            "bank_code": "102100000001",
        },
        "person": {
            "identities": ["IDENTITY_NUMBER"],
            "eligibility": {"real_name": True, "located_in": ["11"]},
        },
        "scope": {"industries": ["dining"]},
        "voucher_types": [
            {
                "voucher_type_id": REDUCTION,
                "name": {"zh": "满50减20", "en": "20 off 50"},
                "kind": "INSTANT_REDUCTION",
                "face_fen": 2_000,
                "threshold_fen": 5_000,
                "threshold_base": "ORDER",
                "funding": funding(),
                "validity": {"kind": "ROUND"},
            },
            {
                "voucher_type_id": DISCOUNT,
                "name": {"zh": "八折券", "en": "A fifth off"},
                "kind": "DISCOUNT",
                "percent_off_bp": 2_000,
                "cap_fen": 3_000,
                "threshold_fen": 1_000,
                "threshold_base": "AFTER_DISCOUNTS",
                "funding": funding(6_000, 2_500, 1_500),
                "validity": {"kind": "DAYS", "days": 3},
            },
            {
                "voucher_type_id": TICKET,
                "name": {"zh": "演出券", "en": "Show ticket"},
                "kind": "TICKET",
                "face_fen": 3_000,
                "threshold_fen": 0,
                "threshold_base": "ORDER",
                "order_share_cap_bp": 5_000,
                "funding": funding(),
                "validity": {
                    "kind": "WINDOW",
                    "valid_from": "2026-01-07T00:00:00+08:00",
                    "valid_until": "2026-01-20T00:00:00+08:00",
                },
            },
        ],
        "rounds": [
            {
                "round_id": ROUND_1,
                "opens_at": "2026-01-05T10:00:00+08:00",
                "closes_at": CLOSE_1,
                "stock": stock,
            },
            {
                "round_id": ROUND_2,
                "opens_at": CLOSE_1,
                "closes_at": CLOSE_2,
                "stock": copy.deepcopy(stock),
            },
        ],
        "limits": [
            {"scope": "VOUCHER_TYPE_PER_ROUND", "max_count": 1},
            {"scope": "CAMPAIGN", "max_count": 4},
            {"scope": "MERCHANT_PER_DAY", "max_count": 2},
        ],
        "refunds": {
            "whole_valid": "RESTORE",
            "whole_expired": "LAPSE",
            "part": "PRO_RATA",
            "window_days": 6,
        },
        "hold_s": 900,
        "rollover": "NEXT_ROUND",
    }
    return document | changes


def direct_document(units: int = 5, **changes: object) -> dict[str, Any]:
    """A second campaign, whose reduction the bureau grants; its show tickets can be claimed."""
    document = campaign_document(campaign_id=DIRECT_ID)
    document["voucher_types"][0]["distribution"] = "DIRECT"
    document["rounds"][0]["stock"] = [
        allocation(REDUCTION, UNIONPAY, units),
        allocation(TICKET, UNIONPAY, 1),
    ]
    return document | changes


def earning_document(units: int = 3, **changes: object) -> dict[str, Any]:
    """A third campaign, whose reduction orders earn."""
    document = campaign_document(campaign_id=EARNING_ID)
    earned, _, ticket = document["voucher_types"]
    earned["distribution"] = "EARNED"
    earned["earned_by"] = {"threshold_fen": 6_000, "threshold_base": "AFTER_MERCHANT"}
    ticket["validity"] = {"kind": "ROUND"}
    document["rounds"][0]["stock"] = [
        allocation(REDUCTION, UNIONPAY, units),
        allocation(TICKET, UNIONPAY, 3),
    ]
    return document | changes


def campaign(**changes: object) -> Campaign:
    """The small campaign's value, with whole sections of its document changed."""
    return campaign_from_document(campaign_document(**changes))

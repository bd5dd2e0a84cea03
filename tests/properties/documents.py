"""Whole campaign documents for properties: every choice that a document has, freely combined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.properties.strategies import funding_shares

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

PLATFORMS = ("unionpay", "meituan")
INDUSTRIES = ("dining", "retail", "sports")
_BASES = st.sampled_from(["ORDER", "AFTER_MERCHANT", "AFTER_DISCOUNTS"])
_WEEKDAYS = st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True).map(sorted)
_SCOPES = (
    "CAMPAIGN",
    "ROUND",
    "VOUCHER_TYPE",
    "VOUCHER_TYPE_PER_ROUND",
    "PLATFORM_PER_ROUND",
    "MERCHANT",
    "MERCHANT_PER_DAY",
)
_SMALL = st.one_of(st.integers(1, 40), st.integers(1, 100_000))


@st.composite
def _funding(draw: DrawFn) -> dict[str, int]:
    shares = draw(funding_shares())
    return {
        "fiscal_bp": shares.fiscal_bp,
        "platform_bp": shares.platform_bp,
        "merchant_bp": shares.merchant_bp,
    }


@st.composite
def _benefit(draw: DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["INSTANT_REDUCTION", "DISCOUNT", "TICKET", "TICKET to a cap"]))
    match kind:
        case "DISCOUNT":
            bp = draw(st.integers(1, 10_000))
            return {"kind": kind, "percent_off_bp": bp, "cap_fen": draw(_SMALL)}
        case "TICKET to a cap":
            return {"kind": "TICKET", "cap_fen": draw(_SMALL)}
        case _:
            return {"kind": kind, "face_fen": draw(_SMALL)}


@st.composite
def _validity(draw: DrawFn) -> dict[str, Any]:
    """No choice of days alone: a round of a week would leave the last claimants without one."""
    return draw(
        st.sampled_from(
            [
                {"kind": "ROUND"},
                {"kind": "DAYS", "days": 1},
                {"kind": "DAYS", "days": 9, "starts": "NEXT_DAY"},
                {
                    "kind": "WINDOW",
                    "valid_from": "2026-01-07T00:00:00+08:00",
                    "valid_until": "2026-03-01T00:00:00+08:00",
                },
            ]
        )
    )


@st.composite
def _voucher_type(draw: DrawFn, number: int) -> dict[str, Any]:
    caps = st.builds(
        lambda share_bp, industries, platforms: {
            "share_bp": share_bp,
            **({"industries": industries} if industries else {}),
            **({"platforms": platforms} if platforms else {}),
        },
        st.integers(1, 10_000),
        st.lists(st.sampled_from(INDUSTRIES), max_size=2, unique=True),
        st.lists(st.sampled_from(PLATFORMS), max_size=1),
    )
    plain = {
        "voucher_type_id": f"type-{number}",
        "name": {"zh": "券", "en": "Voucher"},
        **draw(_benefit()),
        "threshold_fen": draw(st.one_of(st.just(0), _SMALL)),
        "threshold_base": draw(_BASES),
        "funding": draw(_funding()),
        "validity": draw(_validity()),
        "stacking": {
            "with_merchant_discount": draw(st.booleans()),
            "with_platform_discount": draw(st.booleans()),
        },
    }
    if draw(st.booleans()):
        plain["order_share_caps"] = draw(st.lists(caps, min_size=1, max_size=3))
    if draw(st.booleans()):
        plain["order_share_cap_bp"] = draw(st.integers(1, 10_000))
    way = draw(st.sampled_from([None, "DIRECT", "EARNED"]))
    if way:
        plain["distribution"] = way
    if way == "EARNED":
        plain["earned_by"] = {"threshold_fen": draw(_SMALL), "threshold_base": draw(_BASES)}
    if plain["validity"]["kind"] == "WINDOW" and draw(st.booleans()):
        plain["validity"] = plain["validity"] | {"times": {"weekdays": draw(_WEEKDAYS)}}
    return plain


@st.composite
def documents(draw: DrawFn) -> dict[str, Any]:
    """A document that may be published: two rounds of a week, up to three voucher types."""
    types = [draw(_voucher_type(number)) for number in range(draw(st.integers(1, 3)))]
    stock = [
        {
            "voucher_type_id": each["voucher_type_id"],
            "platform_id": platform_id,
            "units": draw(st.integers(0, 100)),
        }
        for each in types
        for platform_id in PLATFORMS
    ]
    limited = draw(st.lists(st.sampled_from(_SCOPES), unique=True))
    return {
        "schema_version": 1,
        "campaign_id": "any-2026",
        "name": {"zh": "活动", "en": "Campaign"},
        "appropriated_fen": 10**10,
        "source_account": {
            "name": "示例区商务局",
            "number": "0200001234567890123",
            "bank": "示例银行",
            "bank_code": "102100000000",
        },
        "person": {
            "identities": ["IDENTITY_NUMBER"],
            "eligibility": {"real_name": draw(st.booleans()), "located_in": []},
        },
        "scope": {"industries": list(INDUSTRIES)},
        "voucher_types": types,
        "rounds": [
            {
                "round_id": f"r{number}",
                "opens_at": f"2026-01-{5 + 7 * number:02d}T10:00:00+08:00",
                "closes_at": f"2026-01-{12 + 7 * number:02d}T10:00:00+08:00",
                "stock": stock,
            }
            for number in range(2)
        ],
        "limits": [{"scope": scope, "max_count": draw(st.integers(1, 1_000))} for scope in limited],
        "refunds": {
            "whole_valid": draw(st.sampled_from(["RESTORE", "VOID"])),
            "whole_expired": draw(st.sampled_from(["LAPSE", "VOID"])),
            "part": draw(st.sampled_from(["PRO_RATA", "RECLAIM_ALL", "KEEP"])),
            "window_days": draw(st.integers(0, 366)),
        },
        "hold_s": draw(st.integers(60, 3_600)),
        "rollover": draw(st.sampled_from(["NEXT_ROUND", "UNALLOCATED"])),
    }

"""Campaigns, vouchers, redemptions and refunds for the report's tests, priced by the real rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import (
    Campaign,
)
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.orders import Order, price_order
from functions.shared.domain.refund_policies import PartPolicy
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, plan_refund
from functions.shared.domain.vouchers import VoucherState

FIRST = date(2026, 7, 1)
"""The first business date of the campaigns here."""

WHOLE_FISCAL = {"fiscal_bp": 10_000, "platform_bp": 0, "merchant_bp": 0}
SHARED = {"fiscal_bp": 5_000, "platform_bp": 3_000, "merchant_bp": 2_000}


def noon(day: int, minute: int = 0) -> datetime:
    """12:00 and some minutes, Beijing time, on the n-th day of the campaign, counted from 1."""
    on = FIRST + timedelta(days=day - 1)
    return datetime(on.year, on.month, on.day, 4, 0, tzinfo=UTC) + timedelta(minutes=minute)


def voucher_type(
    name: str, face_fen: int, threshold_fen: int, funding: dict[str, int] = WHOLE_FISCAL
) -> dict[str, Any]:
    """A reduction's section of a campaign document."""
    return {
        "voucher_type_id": name,
        "name": {
            "zh": f"满{threshold_fen // 100}减{face_fen // 100}元",
            "en": f"{face_fen // 100} off {threshold_fen // 100}",
        },
        "kind": "INSTANT_REDUCTION",
        "face_fen": face_fen,
        "threshold_fen": threshold_fen,
        "threshold_base": "ORDER",
        "funding": funding,
        "validity": {"kind": "ROUND"},
    }


def document(
    *,
    campaign_id: str = "summer",
    industries: tuple[str, ...] = ("catering", "retail"),
    types: tuple[dict[str, Any], ...] = (),
    platforms: tuple[str, ...] = ("unionpay", "meituan"),
    days: int = 14,
    refund_window_days: int = 7,
) -> dict[str, Any]:
    """A campaign document of one round from 10:00 on the first day to the end of the last."""
    types = types or (
        voucher_type("d50-20", 2_000, 5_000),
        voucher_type("d100-40", 4_000, 10_000, SHARED),
    )
    opens_at = datetime(FIRST.year, FIRST.month, FIRST.day, 2, 0, tzinfo=UTC)
    closes_at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(
        days=days, hours=-8
    )
    return {
        "schema_version": 1,
        "campaign_id": campaign_id,
        "name": {"zh": "2026 夏季惠民消费券", "en": "Summer vouchers 2026"},
        "appropriated_fen": 10**10,
        "source_account": {
            "name": "区财政局",
            "number": "0200000000000000",
            "bank": "某银行",
            "bank_code": "102100000000",
        },
        "person": {
            "identities": ["IDENTITY_NUMBER"],
            "eligibility": {"real_name": True, "located_in": []},
        },
        "scope": {"industries": list(industries)},
        "voucher_types": list(types),
        "rounds": [
            {
                "round_id": "r1",
                "opens_at": opens_at.isoformat(),
                "closes_at": closes_at.isoformat(),
                "stock": [
                    {
                        "voucher_type_id": section["voucher_type_id"],
                        "platform_id": platform_id,
                        "units": 1_000,
                    }
                    for section in types
                    for platform_id in platforms
                ],
            }
        ],
        "limits": [],
        "refunds": {
            "whole_valid": "RESTORE",
            "whole_expired": "LAPSE",
            "part": "PRO_RATA",
            "window_days": refund_window_days,
        },
        "hold_s": 600,
        "rollover": "UNALLOCATED",
    }


def campaign(**changes: Any) -> Campaign:  # noqa: ANN401 - what `document` takes
    """The campaign of `document`."""
    return campaign_from_document(document(**changes))


@dataclass(frozen=True)
class Issued:
    """A voucher as the index by day of issue has it."""

    voucher_id: str
    person_ref: str
    voucher_type_id: str = "d50-20"
    platform_id: str = "unionpay"
    round_id: str = "r1"


@dataclass
class Ledger:
    """Redemptions and refunds of a campaign, by business date, each priced by the rules."""

    campaign: Campaign
    entries: dict[date, list[Redemption | Refund]] = field(default_factory=dict)
    redemptions: dict[str, Redemption] = field(default_factory=dict)

    def redeem(
        self,
        order_no: str,
        at: datetime,
        *,
        person: str = "person-a",
        merchant: str = "shop-1",
        industry: str = "catering",
        size_class: str = "SMALL",
        platform: str = "unionpay",
        type_id: str = "d50-20",
        order_fen: int = 6_000,
        merchant_discount_fen: int = 0,
        platform_discount_fen: int = 0,
    ) -> Redemption:
        """Records a redemption."""
        of_type = self.campaign.voucher_type(type_id)
        assert of_type is not None
        order = Order(
            order_fen=order_fen,
            merchant_discount_fen=merchant_discount_fen,
            platform_discount_fen=platform_discount_fen,
        )
        priced = price_order(order, of_type.benefit)
        redemption = Redemption(
            redemption_id=f"r_{order_no}",
            campaign_id=self.campaign.campaign_id,
            round_id="r1",
            voucher_type_id=type_id,
            platform_id=platform,
            voucher_id=f"v_{order_no}",
            person_ref=person,
            merchant_id=merchant,
            industry=industry,
            size_class=size_class,
            order_no=order_no,
            content_hash="0" * 64,
            recorded_at=at,
            business_on=business_date(at),
            amounts=Redeemed(
                order_fen=order_fen,
                merchant_discount_fen=merchant_discount_fen,
                platform_discount_fen=platform_discount_fen,
                voucher_fen=priced.voucher_fen,
                paid_fen=priced.paid_fen,
                parts=priced.parts,
            ),
            refunded=NOTHING_REFUNDED,
        )
        self.redemptions[order_no] = redemption
        self.entries.setdefault(redemption.business_on, []).append(redemption)
        return redemption

    def refund(
        self,
        order_no: str,
        refund_no: str,
        at: datetime,
        refund_fen: int | None = None,
        policy: PartPolicy = PartPolicy.PRO_RATA,
    ) -> Refund:
        """Records a refund of an order; of all that is left of it where no amount is given."""
        redemption = self.redemptions[order_no]
        left_fen = redemption.amounts.refundable_fen - redemption.refunded.refunded_fen
        step = plan_refund(
            redemption.amounts,
            redemption.refunded,
            refund_fen=refund_fen or left_fen,
            policy=policy,
        )
        refund = Refund(
            redemption_id=redemption.redemption_id,
            refund_no=refund_no,
            campaign_id=redemption.campaign_id,
            round_id=redemption.round_id,
            voucher_type_id=redemption.voucher_type_id,
            platform_id=redemption.platform_id,
            voucher_id=redemption.voucher_id,
            person_ref=redemption.person_ref,
            merchant_id=redemption.merchant_id,
            industry=redemption.industry,
            size_class=redemption.size_class,
            order_no=order_no,
            content_hash="0" * 64,
            recorded_at=at,
            business_on=business_date(at),
            redeemed_on=redemption.business_on,
            voucher_fen=step.voucher_fen,
            paid_fen=step.paid_fen,
            merchant_discount_fen=step.merchant_discount_fen,
            platform_discount_fen=step.platform_discount_fen,
            parts=step.parts,
            voucher_state=VoucherState.ISSUED if step.is_whole else VoucherState.REDEEMED,
        )
        self.redemptions[order_no] = replace(
            redemption, refunded=step.after, refund_count=redemption.refund_count + 1
        )
        self.entries.setdefault(refund.business_on, []).append(refund)
        return refund

    def of(self, on: date) -> list[Redemption | Refund]:
        """The day's entries as the store gives them: redemptions with all later refunds in them."""
        return [
            self.redemptions[entry.order_no] if isinstance(entry, Redemption) else entry
            for entry in self.entries.get(on, [])
        ]

"""A season that looks real: five industries, fourteen days, late refunds; always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta

from functions.report.figures import History, Report
from functions.shared.domain.campaign import Campaign
from tests.report.builders import FIRST, SHARED, Issued, Ledger, campaign, noon, voucher_type

INDUSTRIES = ("catering", "retail", "bicycle", "supermarket", "culture")
SIZES = ("LARGE", "MEDIUM", "SMALL", "MICRO", "SELF_EMPLOYED")
TYPES = (
    voucher_type("d50-20", 2_000, 5_000),
    voucher_type("d100-40", 4_000, 10_000),
    voucher_type("d200-80", 8_000, 20_000, SHARED),
    voucher_type("d300-120", 12_000, 30_000, SHARED),
)


def _chance(*words: object) -> int:
    """A number that looks random and is always the same."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:8], "big")


class Season:
    """Claims and ledger entries of a campaign."""

    def __init__(self, days: int = 14, claims_per_day: int = 60) -> None:
        self.campaign: Campaign = campaign(industries=INDUSTRIES, types=TYPES, days=days)
        self.days = days
        self.issued: dict[date, list[Issued]] = {}
        self.ledger = Ledger(self.campaign)
        for day in range(1, days + 1):
            self._claims(day, claims_per_day * (30 + _chance("busy", day) % 70) // 100)
        for day in range(1, days + 1):
            self._refunds(day)

    def _claims(self, day: int, count: int) -> None:
        on = FIRST + timedelta(days=day - 1)
        kinds = self.campaign.voucher_types
        for number in range(count):
            chance = _chance("claim", day, number)
            of_type = kinds[chance % len(kinds)]
            person = f"person-{_chance('who', day, number) % 400}"
            platform = ("unionpay", "meituan")[chance // 7 % 2]
            name = f"{day:02d}-{number:04d}"
            voucher = Issued(f"v_{name}", person, of_type.voucher_type_id, platform)
            self.issued.setdefault(on, []).append(voucher)
            redeemed_on = day + (0, 0, 1, 1, 2, 3, 5)[chance // 11 % 7]
            if chance // 13 % 5 < 3 and redeemed_on <= self.days:
                self._redeem(name, redeemed_on, voucher, chance // 17)

    def _redeem(self, name: str, day: int, voucher: Issued, chance: int) -> None:
        of_type = self.campaign.voucher_type(voucher.voucher_type_id)
        assert of_type is not None
        shop = chance % 37
        order_fen = of_type.benefit.threshold_fen + chance % 9_000
        self.ledger.redeem(
            name,
            noon(day, chance % 600),
            person=voucher.person_ref,
            merchant=f"shop-{shop}",
            industry=INDUSTRIES[shop % 5],
            size_class=SIZES[shop // 5 % 5],
            platform=voucher.platform_id,
            type_id=voucher.voucher_type_id,
            order_fen=order_fen,
            merchant_discount_fen=order_fen // 50 if shop % 3 == 0 else 0,
            platform_discount_fen=300 if shop % 4 == 0 else 0,
        )

    def _refunds(self, day: int) -> None:
        """One redemption in seven is refunded, on the day itself or up to four days later."""
        on = FIRST + timedelta(days=day - 1)
        redeemed = [entry for entry in self.ledger.entries.get(on, []) if entry.business_on == on]
        for entry in redeemed:
            chance = _chance("refund", entry.order_no)
            later = day + (0, 1, 1, 3, 4)[chance // 7 % 5]
            redemption = self.ledger.redemptions[entry.order_no]
            if chance % 7 or later > self.days or redemption.refund_count:
                continue
            part = redemption.amounts.refundable_fen // 3 if chance % 2 else None
            self.ledger.refund(entry.order_no, f"f-{entry.order_no}", noon(later, 700), part)

    def reports(self) -> Iterator[Report]:
        """The report of each day."""
        history = History(
            {t.voucher_type_id: t.benefit.greatest_fen for t in self.campaign.voucher_types}
        )
        for day in range(self.days):
            on = FIRST + timedelta(days=day)
            yield history.take(on, self.issued.get(on, []), self.ledger.of(on))

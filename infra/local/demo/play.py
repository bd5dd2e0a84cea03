"""The acts of the demonstration: the Shijingshan campaign as published, on an injected clock.

Every refusal that a platform can meet is provoked once and must come with its code; every count
is fixed beforehand, so that a run that drifts by one voucher or one fen fails.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from functions.shared.domain.business_time import SHANGHAI, business_date
from functions.shared.domain.errors import Code
from infra.local.bills import render_bill
from infra.local.demo.breaks import end_breaks
from infra.local.demo.bureau import DINING, RETAIL
from infra.local.demo.late import refund_late, refuse_while_closing
from infra.local.demo.paying import confirm_settlements, pay_back, pay_platforms
from infra.local.demo.platform import Platform
from infra.local.demo.scene import DemoFailed, Scene
from infra.local.people import MadeUpPerson, make_people
from infra.local.stack import PLATFORMS

BEFORE = datetime(2025, 12, 27, 9, 0, tzinfo=SHANGHAI)

# Round 1, over both platforms: how many of each type are issued and how many are redeemed.
ISSUED = {"50-20": 200, "100-40": 80, "200-80": 40, "300-120": 16}
REDEEMED = {"50-20": 155, "100-40": 60, "200-80": 25, "300-120": 12}
FACE = {"50-20": 2_000, "100-40": 4_000, "200-80": 8_000, "300-120": 12_000}
THRESHOLD = {"50-20": 5_000, "100-40": 10_000, "200-80": 20_000, "300-120": 30_000}
# Of the redeemed 50-20, given back whole while valid: 155 - 5 = 150 stay used, as in the rulebook.
RESTORED = 5
PART_REFUNDED = 8
LATE_REFUNDED = 3
MERCHANTS = 12
WHOLE_REFUND_DAY, PART_REFUND_DAY = 3, 5
# After both days whose bills have planted breaks.
BREAKS_ENDED_DAY = 2
SELLING_OUT = "300-120"
TRYING_SOLD_OUT = 24
ROUND_2_CLAIMS = 60
# From ten in the morning to past two the next.
LAST_DAY_SETTLED = timedelta(hours=17)
JOURNAL_RUNS = 6


@dataclass
class Voucher:
    """What the demonstration remembers of a voucher it claimed."""

    voucher_id: str
    voucher_type_id: str
    platform: Platform
    person: MadeUpPerson
    redemption: dict[str, Any] | None = None


class Play(Scene):
    """The campaign as it is played."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.vouchers: dict[str, list[Voucher]] = {}
        self.people = make_people(sum(ISSUED.values()) + TRYING_SOLD_OUT, seed=2026)

    def run(self) -> None:
        """Plays everything, from making the campaign to returning its money."""
        self.make_campaign()
        self.claim_too_early()
        self.claim()
        self.claim_wrongly()
        self.redeem_over_the_week()
        self.play_round_2()
        self.close()

    @property
    def issued(self) -> int:
        """How many vouchers were issued."""
        return sum(ISSUED.values()) + ROUND_2_CLAIMS

    @property
    def redeemed(self) -> int:
        """How many redemptions the platforms booked."""
        return self._booked("REDEEM")

    @property
    def refunds(self) -> int:
        """How many refunds the platforms booked."""
        return self._booked("REFUND")

    def _booked(self, entry_type: str) -> int:
        return sum(
            row.entry_type == entry_type
            for platform in self.platforms
            for rows in platform.books.values()
            for row in rows
        )

    # Act 1

    def make_campaign(self) -> None:
        """The operator makes it, the approver approves it, platforms and merchants register."""
        self.stack.clock.move_to(BEFORE)
        body = self.expect(self.bureau.make_campaign(self.document), 201)
        version = body["version"]
        own = self.bureau.approve(self.document, version=version, by=self.bureau.operator)
        self.refused(own, Code.NOT_ALLOWED)
        stale = self.bureau.approve(self.document, version=version + 1, by=self.bureau.approver)
        self.refused(stale, Code.VERSION_MISMATCH)
        self.refused(self.platforms[0].client.request("GET", "/v1/campaigns"), Code.NOT_ALLOWED)
        body = self.expect(
            self.bureau.approve(self.document, version=version, by=self.bureau.approver), 200
        )
        self.check(what="state after approval", expected="RUNNING", found=body["state"])
        for platform in self.platforms:
            facts = PLATFORMS[platform.platform_id]
            self.expect(
                self.bureau.register_platform(platform.platform_id, facts.name, facts.role_arn),
                201,
            )
        # What was refused as unknown a moment ago is remembered for some seconds.
        self.stack.clock.move_to(BEFORE + timedelta(minutes=1))
        on = business_date(BEFORE)
        for index in range(MERCHANTS):
            self.expect(self.bureau.register_merchant(index, DINING, effective_on=on), 201)
        self.expect(self.bureau.register_merchant(0, RETAIL, effective_on=on), 201)
        self.say(
            f"campaign {self.document['campaign_id']} made, approved and funded; "
            f"{len(self.platforms)} platforms, {MERCHANTS + 1} merchants"
        )

    # Act 2

    def claim_too_early(self) -> None:
        """A second before ten, nothing is given."""
        self.stack.clock.move_to(self.opens_at(0) - timedelta(seconds=1))
        for number, person in enumerate(self.people[:5]):
            platform = self.platforms[number % 2]
            self.refused(
                platform.claim(person, f"early-{number}", "r1", "50-20"), Code.ROUND_NOT_OPEN
            )

    def claim(self) -> None:
        """Ten o'clock: hundreds of consumers over both platforms, each type for some of them."""
        self.stack.clock.move_to(self.opens_at(0))
        claims = [
            (voucher_type_id, number)
            for voucher_type_id, count in ISSUED.items()
            for number in range(count)
        ]
        for voucher_type_id, number in self.progress(claims, "claims"):
            platform, person = self.platforms[number % 2], self.people[number]
            body = self.expect(
                platform.claim(person, f"{voucher_type_id}-{number}", "r1", voucher_type_id), 201
            )
            self.vouchers.setdefault(voucher_type_id, []).append(
                Voucher(body["voucher_id"], voucher_type_id, platform, person)
            )
        for number in range(TRYING_SOLD_OUT):
            person = self.people[ISSUED[SELLING_OUT] + number]
            self.refused(
                self.platforms[number % 2].claim(person, f"late-{number}", "r1", SELLING_OUT),
                Code.SOLD_OUT,
            )
        self.say(
            f"round 1 open: {sum(ISSUED.values())} vouchers issued, {SELLING_OUT} sold out, "
            f"{TRYING_SOLD_OUT} came too late"
        )

    def claim_wrongly(self) -> None:
        """Twice, retried, reused, not eligible, malformed, and somebody else's."""
        first, second = self.platforms
        for number in range(10):
            person = self.people[number]
            # A natural person is one person on every platform.
            self.refused(
                second.claim(person, f"again-{number}", "r1", "50-20"), Code.PERSON_LIMIT_REACHED
            )
            platform = self.platforms[number % 2]
            replay = platform.claim(person, f"50-20-{number}", "r1", "50-20")
            body = self.expect(replay, 200)
            self.check(
                what="a retried claim's voucher",
                expected=self.vouchers["50-20"][number].voucher_id,
                found=body["voucher_id"],
            )
            if replay.headers.get("Idempotency-Replayed") != "true":
                raise DemoFailed("a replay must say that it is one")
        person = self.people[-1]
        self.refused(first.claim(person, "50-20-0", "r1", "100-40"), Code.KEY_REUSED)
        self.refused(
            first.claim(person, "elsewhere", "r1", "50-20", located_in="310101"), Code.NOT_ELIGIBLE
        )
        self.refused(
            first.claim(person, "unverified", "r1", "50-20", real_name=False), Code.NOT_ELIGIBLE
        )
        self.refused(
            first.claim(
                person, "forged", "r1", "50-20", person={"identity_number": "11010519491231002Y"}
            ),
            Code.INVALID_FIELDS,
        )
        self.refused(first.claim(person, "unknown", "r9", "50-20"), Code.NOT_FOUND)
        self.refused(first.voucher(self.vouchers["50-20"][1].voucher_id), Code.NOT_FOUND)
        page = self.expect(first.search(self.people[0]), 200)
        self.check(
            what="vouchers that a person holds", expected=len(ISSUED), found=len(page["vouchers"])
        )

    # Act 3

    def redeem_over_the_week(self) -> None:
        """Seven business days of holds, redemptions and refunds, each day reconciled at T+1."""
        queue = [v for t in REDEEMED for v in self.vouchers[t][: REDEEMED[t]]]
        per_day = -(-len(queue) // 7)
        for day in self.progress(range(7), "business days"):
            opened = self.opens_at(0) + timedelta(days=day)
            self.stack.clock.move_to(opened + timedelta(hours=2))
            if day == 0:
                self.hold_and_release()
            for number, voucher in enumerate(queue[day * per_day : (day + 1) * per_day]):
                self.redeem(voucher, f"order-{day}-{number}", number)
            if day == 0:
                self.redeem_wrongly()
            if day == PART_REFUND_DAY:
                self.refund_in_parts()
            if day == WHOLE_REFUND_DAY:
                self.refund_whole()
            # The last morning belongs to round 1 until ten; its day is settled in round 2.
            self.end_business_day(business_date(opened), day)
        self.say(
            f"{sum(REDEEMED.values())} vouchers redeemed, {PART_REFUNDED} refunded in part, "
            f"{RESTORED} whole; seven days of bills reconciled"
        )

    def redeem(self, voucher: Voucher, order_no: str, number: int) -> None:
        """One order, a little above its threshold, at one of the restaurants."""
        body = self.expect(
            voucher.platform.redeem(
                voucher.voucher_id,
                order_no,
                THRESHOLD[voucher.voucher_type_id] + 137 * number,
                f"{DINING}-{number % MERCHANTS}",
                merchant_discount_fen=100 * (number % 3),
                platform_discount_fen=50 * (number % 2),
            ),
            201,
        )
        self.check(
            what="voucher_fen",
            expected=FACE[voucher.voucher_type_id],
            found=body["voucher_fen"],
        )
        voucher.redemption = body

    def hold_and_release(self) -> None:
        """A hold keeps others out until it is released or lapses."""
        voucher = self.vouchers["50-20"][-1]
        platform, voucher_id = voucher.platform, voucher.voucher_id
        held = self.expect(platform.hold(voucher_id, "till-1"), 200)
        self.check(what="state of a held voucher", expected="HELD", found=held["state"])
        self.refused(platform.hold(voucher_id, "till-2"), Code.VOUCHER_HELD)
        self.refused(platform.release(voucher_id, "till-2"), Code.VOUCHER_NOT_HELD)
        self.expect(platform.release(voucher_id, "till-1"), 200)
        self.expect(platform.hold(voucher_id, "till-2"), 200)
        lapsed = self.stack.clock.now() + timedelta(seconds=self.document["hold_s"])
        self.stack.clock.move_to(lapsed)
        found = self.expect(platform.voucher(voucher_id), 200)
        self.check(what="state after the hold lapsed", expected="ISSUED", found=found["state"])

    def redeem_wrongly(self) -> None:
        """Wrong merchant, too small an order, a used voucher, a used order, another's voucher."""
        used, free = self.vouchers["50-20"][0], self.vouchers["50-20"][-2]
        platform, merchant = free.platform, f"{DINING}-0"
        self.refused(
            platform.redeem(free.voucher_id, "wrong-1", 5_000, f"{RETAIL}-0"),
            Code.MERCHANT_NOT_IN_CAMPAIGN,
        )
        self.refused(
            platform.redeem(free.voucher_id, "wrong-2", 4_999, merchant), Code.BELOW_THRESHOLD
        )
        self.refused(
            platform.redeem(
                free.voucher_id, "wrong-3", 5_000, merchant, merchant_discount_fen=3_001
            ),
            Code.ORDER_AMOUNTS_INVALID,
        )
        self.refused(
            used.platform.redeem(used.voucher_id, "wrong-4", 5_000, merchant),
            Code.VOUCHER_NOT_REDEEMABLE,
        )
        assert used.redemption is not None  # noqa: S101 - redeemed on this day
        other = next(v for v in self.vouchers["50-20"][-2:] if v.platform is used.platform)
        self.refused(
            used.platform.redeem(other.voucher_id, used.redemption["order_no"], 5_000, merchant),
            Code.ORDER_ALREADY_USED,
        )
        stranger = next(p for p in self.platforms if p is not platform)
        self.refused(stranger.redeem(free.voucher_id, "wrong-6", 5_000, merchant), Code.NOT_FOUND)

    def refund_in_parts(self) -> None:
        """A quarter of the order goes back, twice; the voucher's share of it lapses."""
        for number, voucher in enumerate(self.vouchers["100-40"][:PART_REFUNDED]):
            redemption = voucher.redemption
            assert redemption is not None  # noqa: S101 - redeemed before this day
            refundable_fen = redemption["voucher_fen"] + redemption["paid_fen"]
            for step in range(2):
                self.expect(
                    voucher.platform.refund(
                        redemption, f"part-{number}-{step}", refundable_fen // 4
                    ),
                    201,
                )
            self.refused(
                voucher.platform.refund(redemption, f"part-{number}-over", refundable_fen),
                Code.REFUND_EXCEEDS_REDEMPTION,
            )

    def refund_whole(self) -> None:
        """Whole refunds while valid: the voucher comes back; retried, the answer is the first."""
        for number, voucher in enumerate(self.vouchers["50-20"][:RESTORED]):
            redemption = voucher.redemption
            assert redemption is not None  # noqa: S101 - redeemed before this day
            refundable_fen = redemption["voucher_fen"] + redemption["paid_fen"]
            body = self.expect(
                voucher.platform.refund(redemption, f"whole-{number}", refundable_fen), 201
            )
            self.check(what="restored state", expected="ISSUED", found=body["voucher_state"])
            again = self.expect(
                voucher.platform.refund(redemption, f"whole-{number}", refundable_fen), 200
            )
            self.check(what="a retried refund", expected=body, found=again)
            voucher.redemption = None

    # Act 4

    def end_business_day(self, on: date, day: int) -> None:
        """Past midnight: bills arrive, the reconciler settles at two, the report comes at six."""
        midnight = datetime.combine(on + timedelta(days=1), datetime.min.time(), SHANGHAI)
        self.stack.clock.move_to(midnight + timedelta(hours=1))
        for platform in self.platforms:
            rows = list(platform.books.get(on, ()))
            if day == 0 and platform is self.platforms[0]:
                # Planted: the platform bills one fen too little for its third order.
                rows[2] = rows[2].with_amounts(
                    voucher_fen=rows[2].voucher_fen - 1, paid_fen=rows[2].paid_fen + 1
                )
            if day == 1 and platform is self.platforms[1]:
                # Planted: the platform forgets an order.
                del rows[1]
            if rows:
                self.stack.drop_bill(platform.platform_id, on, render_bill(rows))
        self.stack.clock.move_to(midnight + timedelta(hours=2, minutes=10))
        self.stack.tick()
        self.stack.clock.move_to(midnight + timedelta(hours=6))
        self.stack.report()
        confirm_settlements(self)
        if day == BREAKS_ENDED_DAY:
            end_breaks(self)

    # Act 5

    def play_round_2(self) -> None:
        """Round 1 closes; what it left becomes round 2's stock; late refunds lapse."""
        opened = self.opens_at(1)
        self.stack.clock.move_to(opened)
        self.stack.tick()
        left = Counter[str]()
        for platform in self.platforms:
            body = self.expect(
                platform.client.request("GET", f"/v1/campaigns/{self.document['campaign_id']}"),
                200,
            )
            for pool in body["stock_left"]:
                left[pool["voucher_type_id"]] += pool["left"]
        # The rulebook's own example: 300 in round 1, 200 issued, 150 redeemed.
        self.check(what="50-20 in round 2", expected=300 + 100 + 50, found=left["50-20"])
        expired = self.vouchers["50-20"][-1]
        self.refused(
            expired.platform.redeem(expired.voucher_id, "expired-1", 5_000, f"{DINING}-0"),
            Code.VOUCHER_EXPIRED,
        )
        self.refused(
            self.platforms[0].claim(self.people[0], "closed-1", "r1", "100-40"), Code.ROUND_CLOSED
        )
        for number in self.progress(range(ROUND_2_CLAIMS), "round 2"):
            platform, person = self.platforms[number % 2], self.people[number]
            body = self.expect(platform.claim(person, f"r2-{number}", "r2", "50-20"), 201)
            voucher = Voucher(body["voucher_id"], "50-20", platform, person)
            if number % 2 == 0 or number < 20:  # noqa: PLR2004 - some use theirs, some do not
                self.redeem(voucher, f"r2-order-{number}", number)
        for number, voucher in enumerate(self.vouchers["200-80"][:LATE_REFUNDED]):
            redemption = voucher.redemption
            assert redemption is not None  # noqa: S101 - redeemed in round 1
            whole_fen = redemption["voucher_fen"] + redemption["paid_fen"]
            body = self.expect(
                voucher.platform.refund(redemption, f"late-{number}", whole_fen), 201
            )
            self.check(what="a late refund", expected="EXPIRED", found=body["voucher_state"])
        self.end_business_day(business_date(opened), 7)
        self.say(
            f"round 1 closed: 100 unissued and 50 lapsed vouchers of 50-20 went to round 2; "
            f"{ROUND_2_CLAIMS} claimed there, {LATE_REFUNDED} late refunds lapsed"
        )

    def close(self) -> None:
        """Each round ends, the refund window passes, and the closing run returns the rest."""
        ends = [self.closes_at(number) for number in range(1, len(self.document["rounds"]))]
        window = timedelta(days=self.document["refunds"]["window_days"])
        # The window's last business day must be over and settled before the rest is returned.
        over = ends[-1] + window
        last, late = over + LAST_DAY_SETTLED, self.vouchers["200-80"][LATE_REFUNDED]
        assert late.redemption is not None  # noqa: S101 - redeemed in round 1
        for at in self.progress([*ends, over, last], "rounds"):
            self.stack.clock.move_to(at)
            self.stack.tick()
            if at == over:
                refuse_while_closing(self, late.platform, late.redemption)
        self.stack.report()
        # The journals of the days that are left, and of the last: a run writes seven.
        self.stack.clock.move_to(last + timedelta(days=1))
        for _ in self.progress(range(JOURNAL_RUNS), "journals"):
            self.stack.tick()
        body = self.expect(self.bureau.campaign(self.document), 200)
        self.check(what="state at the end", expected="CLOSED", found=body["state"])
        self.say(f"campaign closed: {body['funds']['returned_fen'] / 100:,.2f} yuan to return")
        pay_platforms(self)
        pay_back(self)
        refund_late(self, late.platform, late.redemption)

    # Times

    def opens_at(self, number: int) -> datetime:
        """When a round opens; `number` counts from 0."""
        return datetime.fromisoformat(self.document["rounds"][number]["opens_at"])

    def closes_at(self, number: int) -> datetime:
        """When a round closes; `number` counts from 0."""
        return datetime.fromisoformat(self.document["rounds"][number]["closes_at"])

"""A whole small campaign on the local stack, as files: something of everything, then closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from functions.shared.domain.business_time import SHANGHAI, business_date
from infra.local.bills import render_bill
from infra.local.clock import LocalClock
from infra.local.demo.bureau import DINING, Bureau
from infra.local.demo.platform import Platform
from infra.local.people import MadeUpPerson, make_people
from infra.local.stack import PLATFORMS, LocalStack

CAMPAIGN = "audited-2026"
OPENS = datetime(2026, 1, 5, 10, 0, tzinfo=SHANGHAI)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def document() -> dict[str, Any]:
    """One round of two days; a reduction, a discount paid by three, and one that orders earn."""
    full = {"fiscal_bp": 10_000, "platform_bp": 0, "merchant_bp": 0}
    shared = {"fiscal_bp": 6_000, "platform_bp": 2_500, "merchant_bp": 1_500}
    words = {"zh": "券", "en": "Voucher"}
    reduction = {
        "voucher_type_id": "20-off",
        "name": words,
        "kind": "INSTANT_REDUCTION",
        "face_fen": 2_000,
        "threshold_fen": 5_000,
        "threshold_base": "ORDER",
        "funding": full,
        "validity": {"kind": "DAYS", "days": 2},
    }
    discount = {
        "voucher_type_id": "fifth-off",
        "name": words,
        "kind": "DISCOUNT",
        "percent_off_bp": 2_000,
        "cap_fen": 3_001,
        "threshold_fen": 1_000,
        "threshold_base": "AFTER_DISCOUNTS",
        "funding": shared,
        "validity": {"kind": "ROUND"},
    }
    earned = reduction | {
        "voucher_type_id": "thanks",
        "distribution": "EARNED",
        "earned_by": {"threshold_fen": 6_000, "threshold_base": "ORDER"},
    }
    stock = [
        {
            "voucher_type_id": kind,
            "platform_id": platform_id,
            "units": 10,
            "expected_claims_per_s": 10,
        }
        for kind in ("20-off", "fifth-off", "thanks")
        for platform_id in PLATFORMS
    ]
    return {
        "schema_version": 1,
        "campaign_id": CAMPAIGN,
        "name": {"zh": "审计示例", "en": "Audited"},
        "appropriated_fen": 150_000,
        "source_account": {
            "name": "示例区商务局",
            "number": "0200001234567890123",
            "bank": "示例银行",
            "bank_code": "102100000000",
        },
        "holding_account": {
            "name": "示例区消费券专户",
            "number": "0200009876543210987",
            "bank": "示例银行",
            "bank_code": "102100000001",
        },
        "contracts": [
            {
                "platform_id": platform_id,
                "confirm_within_days": 2,
                "account": {
                    "name": f"{platform_id} 结算专户",
                    "number": number,
                    "bank": "示例银行",
                    "bank_code": "102100000002",
                },
            }
            for platform_id, number in zip(
                sorted(PLATFORMS), ("6200002222", "6200001111"), strict=True
            )
        ],
        "person": {
            "identities": ["IDENTITY_NUMBER"],
            "eligibility": {"real_name": True, "located_in": []},
        },
        "scope": {"industries": ["dining"]},
        "voucher_types": [reduction, discount, earned],
        "rounds": [
            {
                "round_id": "r1",
                "opens_at": OPENS.isoformat(),
                "closes_at": (OPENS + 2 * DAY).isoformat(),
                "stock": stock,
            }
        ],
        "limits": [
            {"scope": "VOUCHER_TYPE", "max_count": 1},
            {"scope": "MERCHANT_PER_DAY", "max_count": 2},
        ],
        "refunds": {
            "whole_valid": "RESTORE",
            "whole_expired": "LAPSE",
            "part": "PRO_RATA",
            "window_days": 1,
        },
        "hold_s": 900,
        "rollover": "UNALLOCATED",
    }


class Season:
    """Plays it; each act a second after the one before."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.document = document()
        self.bureau = Bureau(stack.client(stack.keys.operator), stack.client(stack.keys.approver))
        self.first, self.second = (
            Platform(name, stack.client(stack.keys.platforms[name]), CAMPAIGN)
            for name in sorted(PLATFORMS)
        )
        self.people = make_people(10, seed=3)

    def play(self) -> None:
        """From making the campaign to a month after its end."""
        self._open()
        vouchers = self._first_day()
        self._end_day(OPENS)
        self._second_day(vouchers)
        self._end_day(OPENS + DAY)
        for days in range(2, 10):
            self._end_day(OPENS + days * DAY)
            self._end_breaks(days)

    def play_late(self) -> None:
        """Everybody is paid, an order is refunded late, and what it brings back is returned."""
        self._pay()
        late = self.second.client.request("GET", f"/v1/redemptions/{self._redemption('o2')}").json
        self._act(lambda: self.second.refund(late, "late-2", 3_003))
        for days in (10, 11, 27, 28):
            self._end_day(OPENS + days * DAY)
        assert self.bureau.fund_return(self.document, 2).json["to_return_fen"]
        # A journal's run writes seven days.
        for _ in range(3):
            self.stack.tick()

    def _pay(self) -> None:
        bureau, document = self.bureau, self.document
        accounts = {"returns/1": document["source_account"]["number"]}
        for contract in document["contracts"]:
            name = contract["platform_id"]
            self._act(partial(bureau.draw_payout, document, name, 1))
            accounts[f"settlements/{name}/payouts/1"] = contract["account"]["number"]
        for of, account_number in accounts.items():
            pay = partial(bureau.pay, document, of=of)
            self._act(partial(pay, "", version=1, by=bureau.operator))
            self._act(partial(pay, "/withdraw", version=2, by=bureau.operator))
            self._act(partial(pay, "", version=3, by=bureau.operator))
            found = self._act(partial(pay, "/approve", version=4, by=bureau.approver))
            last = found["payments"][-1]
            told = {
                "reference": last["reference"],
                "account_number": account_number,
                "paid_fen": last["amount_fen"],
                "bank_reference": "B-1",
                "note": "已入账",
            }
            self._act(partial(pay, "/reply", version=5, by=bureau.operator, told=told))

    def _open(self) -> None:
        version = self.bureau.make_campaign(self.document).json["version"]
        self.bureau.approve(self.document, version=version, by=self.bureau.approver)
        for name, facts in PLATFORMS.items():
            self.bureau.register_platform(name, facts.name, facts.role_arn)
        for index in range(3):
            self.bureau.register_merchant(index, DINING, effective_on=date(2026, 1, 1))

    def _first_day(self) -> list[str]:
        vouchers = []
        for number, person in enumerate(self.people[:6]):
            platform = self.first if number % 2 else self.second
            vouchers.append(self._claim(platform, person, f"c{number}", "20-off"))
            self._claim(platform, person, f"d{number}", "fifth-off")
        for number in range(3):
            platform = self.first if number % 2 else self.second
            self._redeem(platform, vouchers[number], f"o{number}", 8_000 + number)
        self.unused = vouchers[5]
        self.stack.clock.move_to(self.stack.clock.now() + SECOND)
        assert self.second.hold(vouchers[4], "held").status == 200
        return vouchers

    def _second_day(self, vouchers: list[str]) -> None:
        self.stack.clock.move_to(OPENS + DAY)
        # The rest of an order of yesterday, which is an adjustment; a whole one of today.
        late = self.second.client.request("GET", f"/v1/redemptions/{self._redemption('o0')}").json
        self._act(lambda: self.second.refund(late, "late-1", 1_234))
        whole = self._redeem(self.first, vouchers[3], "o3", 6_500)
        self._act(lambda: self.first.refund(whole, "whole-1", 6_500))
        again = self._redeem(self.first, vouchers[3], "o4", 7_777)
        self._act(lambda: self.first.refund(again, "part-1", 1_000))
        # A plain order earns a voucher, and keeps it; one that redeemed another loses it.
        plain = self._earn(self.second, self.people[5], "p1", 9_000)
        refund = {"refund_no": "plain-1", "refund_fen": 2_000}
        path = f"/v1/earnings/{plain}/refunds"
        self._act(lambda: self.second.client.request("POST", path, json=refund))
        earned = self._earn(self.first, self.people[3], "o4", 7_777)
        self._act(lambda: self.first.refund(again, "part-2", 2_000))
        assert self.first.voucher(earned).json["state"] == "VOIDED"
        found = self.second.search(self.people[2]).json["vouchers"]
        discount = next(v for v in found if v["voucher_type_id"] == "fifth-off")
        self._redeem(self.second, discount["voucher_id"], "o5", 20_000)

    def _end_day(self, day: datetime) -> None:
        on = business_date(day)
        midnight = datetime.combine(on + DAY, datetime.min.time(), SHANGHAI)
        self.stack.clock.move_to(midnight + timedelta(minutes=5))
        for platform in (self.first, self.second):
            rows = list(platform.books.get(on, ()))
            if rows and on == business_date(OPENS):
                # Some fen less than the ledger has, which two persons accept.
                less_fen = 7 if platform is self.second else 5
                rows[0] = rows[0].with_amounts(
                    voucher_fen=rows[0].voucher_fen - less_fen, paid_fen=rows[0].paid_fen + less_fen
                )
            if rows and on == business_date(OPENS + DAY) and platform is self.first:
                # An order that was never redeemed, and a voucher that was, billed once more.
                ghost = replace(rows[-1], entry_type="REDEEM", refund_no="", voucher_id=self.unused)
                rows.append(replace(ghost, platform_order_no="ghost-1"))
                used = next(row for row in rows if row.platform_order_no == "o4")
                rows.append(replace(used, platform_order_no="ghost-2"))
            if rows:
                self.stack.drop_bill(platform.platform_id, on, render_bill(rows))
        if on == business_date(OPENS + DAY):
            # One of them was wrong after all.
            rows = self.first.books[business_date(OPENS)]
            self.stack.drop_bill(
                self.first.platform_id, business_date(OPENS), render_bill(rows), name="again.csv"
            )
        for hours in (1, 2.5, 3):
            self.stack.clock.move_to(midnight + timedelta(hours=hours))
            self.stack.tick()
        self.stack.clock.move_to(midnight + timedelta(hours=6))
        self.stack.report()
        if on == business_date(OPENS):
            self._accept_bills()
            [statement] = self.first.settlements().json["settlements"]
            self._act(partial(self.first.confirm, statement))

    def _accept_bills(self) -> None:
        for platform in (self.first, self.second):
            [found] = self.bureau.breaks(platform.platform_id).json["breaks"]
            self._accept_bill(found)

    def _accept_bill(self, found: dict[str, Any]) -> None:
        bureau, said = self.bureau, {"kind": "ACCEPT_BILL", "reason": "平台流水核对无误"}
        self._act(partial(bureau.resolve, found, version=1, said=said))
        self._act(partial(bureau.approve_resolution, found, version=2, by=bureau.approver))

    def _end_breaks(self, days: int) -> None:
        """One is written off slowly; the bill is accepted while the closing waits for that."""
        bureau = self.bureau
        found = bureau.breaks(self.first.platform_id).json["breaks"]
        by_state = {each["match_state"]: each for each in found}
        if days == 2:
            said = {"kind": "WRITE_OFF", "reason": "重复账单，平台已更正系统"}
            self._act(partial(bureau.resolve, by_state["DUPLICATE"], version=1, said=said))
        if days == 3:
            duplicate = by_state["DUPLICATE"]
            by = bureau.approver
            self._act(partial(bureau.approve_resolution, duplicate, version=2, by=by))
        if days == 5:
            state = bureau.campaign(self.document).json["state"]
            assert state == "RUNNING", "the closing has not waited"
            self._accept_bill(by_state["BILL_ONLY"])

    def _act(self, act: Any) -> Any:  # noqa: ANN401 - a response of any call
        self.stack.clock.move_to(max(self.stack.clock.now(), OPENS) + SECOND)
        answer = act()
        assert answer.status in {200, 201}, answer.json
        return answer.json

    def _claim(self, platform: Platform, person: MadeUpPerson, number: str, kind: str) -> str:
        return str(self._act(lambda: platform.claim(person, number, "r1", kind))["voucher_id"])

    def _redeem(self, platform: Platform, voucher_id: str, order_no: str, fen: int) -> Any:  # noqa: ANN401 - JSON
        merchant = f"{DINING}-{len(order_no) % 3}"
        answer = self._act(lambda: platform.redeem(voucher_id, order_no, fen, merchant))
        self._redemptions[order_no] = answer["redemption_id"]
        return answer

    def _redemption(self, order_no: str) -> str:
        return self._redemptions[order_no]

    _redemptions: dict[str, str] = {}  # noqa: RUF012 - one season a process

    def _earn(self, platform: Platform, person: MadeUpPerson, order_no: str, fen: int) -> str:
        body = {
            "order_no": order_no,
            "campaign_id": CAMPAIGN,
            "round_id": "r1",
            "voucher_type_id": "thanks",
            "merchant_id": f"{DINING}-{len(order_no) % 3}",
            "order_fen": fen,
            "merchant_discount_fen": 0,
            "platform_discount_fen": 0,
            "person": {"identity_number": person.identity_number},
            "real_name": True,
        }
        answer = self._act(lambda: platform.client.request("POST", "/v1/earnings", json=body))
        return str(answer["voucher_id"])


def write_season(folder: Path) -> None:
    """Plays a season and writes its files."""
    with LocalStack(LocalClock(datetime(2026, 1, 4, 9, 0, tzinfo=SHANGHAI))) as stack:
        season = Season(stack)
        season.play()
        assert season.bureau.campaign(season.document).json["state"] == "CLOSED"
        season.play_late()
        stack.download(folder)

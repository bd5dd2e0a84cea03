"""The local stack as a server: seeded with yesterday, then on real time until it is stopped."""

from __future__ import annotations

import json
import threading
from collections import deque
from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Console

from functions.shared.domain.business_time import SHANGHAI, business_date
from functions.shared.edge import telemetry
from infra.local.api_page import render_page
from infra.local.bills import render_bill
from infra.local.clock import LocalClock
from infra.local.demo.bureau import DINING, Bureau
from infra.local.demo.documents import rebased, shijingshan
from infra.local.demo.platform import Platform
from infra.local.people import make_people, make_person
from infra.local.stack import PLATFORMS, LocalStack
from infra.openapi import render_document

SEED = 31
CLAIMED, REDEEMED = 40, 24
MERCHANTS = 5
REPORT_PAGE, NEWS_PAGE = "/report", "/news"
NEWS_SHOWN = 200
HTML = "text/html; charset=utf-8"
JSON = "application/json"


def serve_until_stopped(port: int) -> None:
    """Serves the seeded stack on that port until Ctrl-C."""
    console = Console(highlight=False)
    now = datetime.now(SHANGHAI)
    # The seeded day ends with its report, at six of the next: before six, that is not today.
    reported_on = business_date(now - timedelta(hours=6))
    opened = datetime.combine(reported_on - timedelta(days=1), datetime.min.time(), SHANGHAI)
    clock = LocalClock(opened)
    telemetry.silence()
    with LocalStack(clock, port=port) as stack:
        console.print("seeding yesterday ...")
        voucher_id = seed(stack, rebased(shijingshan(), opens_at=opened + timedelta(hours=10)))
        clock.run_free()
        api_page = _api_page(stack.base_url)
        stack.gateway.add_page("/", HTML, lambda: api_page)
        recent: deque[dict[str, Any]] = deque(maxlen=NEWS_SHOWN)
        stack.gateway.add_page(NEWS_PAGE, JSON, lambda: _news(stack, recent))
        stack.gateway.add_page(REPORT_PAGE, HTML, lambda: _newest_report(stack))
        telemetry.write_to(None)
        console.print(instructions(stack, voucher_id), markup=False, soft_wrap=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            console.print("stopped")


def seed(stack: LocalStack, document: dict[str, Any]) -> str:
    """Plays the campaign's first day and its reconciliation; the id of a voucher left to redeem."""
    bureau = Bureau(stack.client(stack.keys.operator), stack.client(stack.keys.approver))
    version = _made(bureau.make_campaign(document).json)["version"]
    _made(bureau.approve(document, version=version, by=bureau.approver).json)
    on = business_date(stack.clock.now())
    for name, facts in PLATFORMS.items():
        _made(bureau.register_platform(name, facts.name, facts.role_arn).json)
    for index in range(MERCHANTS):
        _made(bureau.register_merchant(index, DINING, effective_on=on).json)
    opens_at = datetime.fromisoformat(document["rounds"][0]["opens_at"])
    stack.clock.move_to(opens_at)
    platforms = [
        Platform(name, stack.client(key), document["campaign_id"])
        for name, key in sorted(stack.keys.platforms.items(), reverse=True)
    ]
    vouchers = []
    for number, person in enumerate(make_people(CLAIMED, seed=SEED)):
        platform = platforms[number % 2]
        body = _made(platform.claim(person, f"seed-{number}", "r1", "50-20").json)
        vouchers.append((platform, body["voucher_id"]))
    stack.clock.move_to(opens_at + timedelta(hours=2))
    for number, (platform, voucher_id) in enumerate(vouchers[:REDEEMED]):
        order_fen = 5_000 + 210 * number
        _made(
            platform.redeem(
                voucher_id, f"seed-{number}", order_fen, f"{DINING}-{number % MERCHANTS}"
            ).json
        )
    _end_day(stack, platforms, on)
    return str(vouchers[REDEEMED][1])


def _end_day(stack: LocalStack, platforms: list[Platform], on: date) -> None:
    midnight = datetime.combine(on + timedelta(days=1), datetime.min.time(), SHANGHAI)
    stack.clock.move_to(midnight)
    for platform in platforms:
        stack.drop_bill(platform.platform_id, on, render_bill(platform.books[on]))
    # The clock of the schedules: settlement past two, the report at six.
    stack.clock.move_to(midnight + timedelta(hours=6))
    stack.tick()
    stack.report()


def _made(answer: dict[str, Any]) -> dict[str, Any]:
    if "code" in answer:
        raise RuntimeError(f"the seed was refused: {answer}")
    return answer


def _api_page(base_url: str) -> bytes:
    return render_page(json.loads(render_document()), base_url=base_url).encode()


def _news(stack: LocalStack, recent: deque[dict[str, Any]]) -> bytes:
    """The last pieces of news, newest first."""
    recent.extendleft(stack.news())
    return json.dumps(list(recent), ensure_ascii=False, indent=1).encode()


def _newest_report(stack: LocalStack) -> bytes:
    pages = [data for key, data in stack.engine.objects() if key.endswith("report.html")]
    return pages[-1]


def instructions(stack: LocalStack, voucher_id: str) -> str:
    """What to try: a signed claim, a redemption, and a look at the report."""
    key = stack.keys.platforms["unionpay"]
    person = make_person(CLAIMED, seed=SEED)
    claim = {
        "request_no": "try-1",
        "campaign_id": "shijingshan-2026",
        "round_id": "r1",
        "voucher_type_id": "100-40",
        "person": {"identity_number": person.identity_number},
        "real_name": True,
        "located_in": "110107",
    }
    redemption = {
        "order_no": "try-1",
        "voucher_id": voucher_id,
        "merchant_id": f"{DINING}-0",
        "order_fen": 6_800,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 0,
    }
    return f"""
Huimin is up at {stack.base_url}/ with its API page; stop it with Ctrl-C.
Signed as the platform unionpay; the keys are of this machine only.

A claim / 领取：
{_curl(stack.base_url, "/v1/claims", claim, key.access_key, key.secret_key)}

A redemption / 核销：
{_curl(stack.base_url, "/v1/redemptions", redemption, key.access_key, key.secret_key)}

Yesterday's report / 昨日报表：
curl -s {stack.base_url}{REPORT_PAGE} -o report.html   # or open {stack.base_url}{REPORT_PAGE}

News of what was committed, newest first / 变更事件：
curl -s {stack.base_url}{NEWS_PAGE}
"""


def _curl(base_url: str, path: str, body: dict[str, Any], access_key: str, secret_key: str) -> str:
    return (
        f'curl -s --aws-sigv4 "aws:amz:cn-north-1:execute-api" --user "{access_key}:{secret_key}" '
        f"-H 'Content-Type: application/json' {base_url}{path} \\\n"
        f"  -d '{json.dumps(body, ensure_ascii=False, separators=(',', ':'))}'"
    )

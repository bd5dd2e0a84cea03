"""What `make serve` prints works when it is tried."""

from __future__ import annotations

import json
import re
import shlex
from collections import deque
from datetime import datetime, timedelta

from functions.shared.domain.business_time import SHANGHAI
from functions.shared.edge import telemetry
from infra.local.clock import LocalClock
from infra.local.demo.documents import rebased, shijingshan
from infra.local.serve import _news, instructions, seed
from infra.local.stack import LocalStack

OPENED = datetime(2026, 1, 5, 0, 0, tzinfo=SHANGHAI)


def test_the_printed_calls_do_what_they_say() -> None:
    """The claim and the redemption are accepted as printed, signed by the stack's own client."""
    telemetry.silence()
    with LocalStack(LocalClock(OPENED)) as stack:
        document = rebased(shijingshan(), opens_at=OPENED + timedelta(hours=10))
        voucher_id = seed(stack, document)
        text = instructions(stack, voucher_id)
        client = stack.client(stack.keys.platforms["unionpay"])
        statuses = {}
        for command in re.findall(r"^curl .*? -d .*?$", text, re.MULTILINE | re.DOTALL):
            words = shlex.split(command.replace("\\\n", " "))
            url = next(word for word in words if word.startswith(stack.base_url))
            path = url.removeprefix(stack.base_url)
            body = json.loads(words[words.index("-d") + 1])
            statuses[path] = client.request("POST", path, json=body).status
        news = json.loads(_news(stack, deque(maxlen=3)))
        reports = [key for key, _ in stack.engine.objects() if key.endswith("report.html")]
    telemetry.write_to(None)
    assert statuses == {"/v1/claims": 201, "/v1/redemptions": 201}
    assert len(reports) == 1
    assert len(news) == 3
    assert {"huimin.voucher.claimed", "huimin.voucher.redeemed"} & {each["type"] for each in news}

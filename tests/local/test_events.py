"""What the reconciler does when it is asked as AWS asks it, and what it tells."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date, datetime

import pytest

from functions.reconcile.handler import handle
from functions.shared.domain.business_time import SHANGHAI
from functions.shared.edge import telemetry
from infra.local.clock import LocalClock
from infra.local.demo.bureau import Bureau
from infra.local.stack import PLATFORMS, LocalStack

NOW = datetime(2026, 1, 6, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the functions write to their log."""
    stream = io.StringIO()
    telemetry.write_to(stream)
    yield stream
    telemetry.write_to(None)


def test_a_bad_bill_is_counted_for_the_alarm_and_reported_to_its_platform(
    log: io.StringIO,
) -> None:
    with LocalStack(LocalClock(NOW)) as stack:
        bureau = Bureau(stack.client(stack.keys.operator), stack.client(stack.keys.approver))
        facts = PLATFORMS["unionpay"]
        bureau.register_platform("unionpay", facts.name, facts.role_arn)
        stack.drop_bill("unionpay", date(2026, 1, 5), b"not a bill")
        keys = [key for key, _ in stack.engine.objects()]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["BillsQuarantined"] for line in lines if "BillsQuarantined" in line] == [[1.0]]
    assert any(key.startswith("settlements/unionpay/2026-01-05/") for key in keys)


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="neither a tick nor"):
        handle({"task": "report"}, None)

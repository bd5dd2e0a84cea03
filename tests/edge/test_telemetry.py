from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any, ClassVar

import pytest

from functions.shared.edge import telemetry


def lines(logs: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logs.getvalue().splitlines()]


def test_bound_fields_are_on_every_line_of_the_block_only(logs: io.StringIO) -> None:
    with telemetry.bind(function="issue", request_id="r1"):
        with telemetry.bind(operation="claim_voucher"):
            telemetry.info("one", status=201)
        telemetry.warning("two")
    telemetry.info("three")
    one, two, three = lines(logs)
    assert (one["service"], one["request_id"], one["operation"], one["status"], one["level"]) == (
        "huimin-issue",
        "r1",
        "claim_voucher",
        201,
        "INFO",
    )
    assert two["level"] == "WARNING"
    assert "operation" not in two
    assert "request_id" not in three


@pytest.mark.parametrize("name", sorted(telemetry.NEVER_LOGGED))
def test_fields_that_could_hold_a_person_are_dropped(logs: io.StringIO, name: str) -> None:
    telemetry.info("x", **{name: "11010519491231002X"})
    assert "11010519491231002X" not in logs.getvalue()


class AwsFailureError(Exception):
    """As botocore's ClientError carries the answer."""

    response: ClassVar = {"Error": {"Code": "ThrottlingException", "Message": "13800138000"}}


def test_failure_is_logged_by_type_stack_and_aws_code_without_its_message(
    logs: io.StringIO,
) -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("13800138000") from AwsFailureError("13800138000")
    telemetry.error("broken", caught.value)
    [line] = lines(logs)
    assert line["error_types"] == [
        "builtins.RuntimeError",
        f"{__name__}.AwsFailureError[ThrottlingException]",
    ]
    assert "test_telemetry.py" in line["stack"][0]
    assert "13800138000" not in logs.getvalue()


def test_metric_is_one_emf_line_with_its_dimensions(logs: io.StringIO) -> None:
    with telemetry.bind(function="reconcile"):
        telemetry.metric("BreaksOpened", 2, platform="unionpay")
    [line] = lines(logs)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Huimin"
    assert directive["Metrics"] == [{"Name": "BreaksOpened", "Unit": "Count"}]
    assert set(directive["Dimensions"][0]) == {"function", "platform"}
    assert line["BreaksOpened"] in (2, [2.0])
    assert (line["function"], line["platform"]) == ("reconcile", "unionpay")


def test_silence_writes_nothing_until_a_stream_is_set(
    logs: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.silence()
    telemetry.info("quiet")
    telemetry.metric("Quiet", 1)
    telemetry.write_to(None)
    telemetry.info("loud")
    assert logs.getvalue() == ""
    assert json.loads(capsys.readouterr().out)["message"] == "loud"


def test_importing_the_edge_loads_no_powertools_and_no_aws_library() -> None:
    """A cold start pays for them only when the first line is written."""
    code = (
        "import sys, functions.shared.edge.app\n"
        "heavy = ('aws_lambda_powertools', 'boto3', 'botocore', 'pynamodb', 'xlsxwriter')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    loaded = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"

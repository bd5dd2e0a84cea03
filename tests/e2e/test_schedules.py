"""What runs by the clock runs as it is deployed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.emulator import Deployment

pytestmark = pytest.mark.e2e


def test_every_schedule_calls_its_function_with_what_it_understands(
    deployment: Deployment,
) -> None:
    """A function whose grants lack something fails here, and so does this test."""
    for task in ("tick", "report"):
        deployment.run_schedule(task)


def test_the_functions_go_by_the_clock_that_a_test_sets(deployment: Deployment) -> None:
    """Else a test of the next day's settlement would prove nothing."""
    before = deployment.now()
    # Long before any campaign, so that nothing of another test falls due.
    then = datetime(2001, 5, 6, 4, 0, tzinfo=UTC)
    deployment.set_clock(then)
    try:
        deployment.run_schedule("tick")
    finally:
        deployment.set_clock(before)
    s3 = deployment.client("s3")
    listed = s3.list_objects_v2(Bucket=deployment.bucket, Prefix="reports/invariants/2001-05-06/")
    manifest = s3.get_object(
        Bucket=deployment.bucket, Key="reports/invariants/2001-05-06/manifest.json"
    )
    counted_at = datetime.fromisoformat(json.loads(manifest["Body"].read())["cutoff_at"])
    assert listed["KeyCount"] == 2
    assert timedelta(0) <= counted_at - then < timedelta(minutes=1)

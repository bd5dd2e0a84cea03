"""Every operation, every call, every way to fail: no fen is lost or made, and all settles."""

from __future__ import annotations

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.reconcile_money.operations import OPERATIONS
from tests.reconcile_money.world import World
from tests.support.faults import Operation, Way, strike

# The object store passes on what S3 says; the function fails and is run again.
FROM_S3 = (BotoCoreError, ClientError)


CASES = [
    pytest.param(operation, way, id=f"{operation.name}, {way}")
    for operation in OPERATIONS.all
    for way in operation.ways
]


@pytest.mark.parametrize(("operation", "way"), CASES)
def test_a_fault_at_any_call_changes_nothing_in_the_end(
    world: World, operation: Operation[World], way: Way
) -> None:
    assert strike(world, operation, way, FROM_S3), "no call of the operation failed in this way"

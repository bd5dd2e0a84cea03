"""Contention at the stock: another shard, then BUSY; never sold out, and nothing is changed."""

from __future__ import annotations

import pytest

from functions.shared.domain.drawing import PATIENCE
from functions.shared.domain.errors import Busy
from tests.reconcile_money.operations import running
from tests.reconcile_money.world import World
from tests.support.replies import LOST_AFTER, TRANSACTION, cancelled, scripted

# On the wire: the voucher, its shard, the person's two identities.
AT_THE_SHARD = cancelled("None", "TransactionConflict", "None", "None")


def test_contention_at_every_shard_that_lasts_is_busy(world: World) -> None:
    running(world)
    before = world.audit()
    steps = [AT_THE_SHARD] * PATIENCE
    with scripted(world.database.client, TRANSACTION, *steps), pytest.raises(Busy):
        world.claim("n1", type_id="shared")
    assert world.audit() == before
    assert world.claim("n1", type_id="shared").request_no == "n1"


def test_contention_that_ends_in_time_is_a_claim(world: World) -> None:
    running(world)
    steps = [AT_THE_SHARD] * (PATIENCE - 1)
    with scripted(world.database.client, TRANSACTION, *steps):
        assert world.claim("n1", type_id="shared").request_no == "n1"
    world.audit()


def test_a_claim_that_was_written_before_its_retry_met_contention_is_one_claim(
    world: World,
) -> None:
    """The reply is lost, the retry is refused at the shard, and the next shard finds the guard."""
    running(world)
    with scripted(world.database.client, TRANSACTION, LOST_AFTER, AT_THE_SHARD):
        voucher = world.claim("n1", type_id="shared")
    world.audit()
    assert [v.voucher_id for v in world.snapshot().vouchers] == [voucher.voucher_id]

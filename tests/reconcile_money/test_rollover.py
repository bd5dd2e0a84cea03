"""What a round leaves over becomes the next round's stock, to the fen, and strands nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from functions.reconcile.rollover import DRAIN_AGAIN, drain_all, roll_over
from tests.reconcile_money.world import (
    CAMPAIGN,
    DAY,
    START,
    World,
    allocation,
    document,
    voucher_type,
)
from tests.support.faults import contended

ROUND_1_CLOSES = START + 3 * DAY
FACE_FEN = 2_000


def rounds(*stocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rounds of three days, a day apart, with these stocks."""
    return [
        {
            "round_id": f"r{number + 1}",
            "opens_at": (START + number * 4 * DAY).isoformat(),
            "closes_at": (START + number * 4 * DAY + 3 * DAY).isoformat(),
            "stock": stock,
        }
        for number, stock in enumerate(stocks)
    ]


def test_the_rulebooks_worked_example(world: World) -> None:
    """300 vouchers, 200 issued, 150 redeemed: round 2's stock grows by 100 and 50.

    Source: the rules of Shijingshan, published 2025-12-28.
    """
    stock = [allocation("full", "unionpay", 300)]
    plain = document(
        rounds=rounds(stock, stock),
        appropriated_fen=2 * 300 * FACE_FEN,
        limits=[{"scope": "VOUCHER_TYPE_PER_ROUND", "max_count": 1}],
    )
    world.run(plain)
    vouchers = [world.claim(f"n{number}", person=number) for number in range(200)]
    for number, voucher in enumerate(vouchers[:150]):
        world.redeem(voucher, f"o{number}")
    world.now = ROUND_1_CLOSES
    assert world.roll_over(world.sweep())
    assert world.units("r2") == (300 + 100 + 50, 300 + 100 + 50)
    assert world.units("r1") == (200, 0)
    assert world.record().funds.unallocated_fen == 0
    world.require_sound()


def test_nothing_moves_before_a_round_has_closed(world: World) -> None:
    world.run()
    world.now = ROUND_1_CLOSES - timedelta(milliseconds=1)
    assert world.roll_over()
    assert world.units("r1") == (5, 5)
    assert world.units("r2") == (5, 5)


def test_the_last_round_leaves_to_what_is_unallocated(world: World) -> None:
    world.run()
    before_fen = world.record().funds.unallocated_fen
    world.now = ROUND_1_CLOSES + 4 * DAY
    assert world.roll_over()
    assert world.roll_over()
    # Both rounds have closed: nothing waits in round 2.
    in_pools_fen = 2 * 2 * (5 * FACE_FEN + 5 * 1_651)
    assert world.record().funds.unallocated_fen == before_fen + in_pools_fen
    assert {world.units(r) for r in ("r1", "r2")} == {(0, 0)}
    world.require_sound()


def test_a_campaign_may_keep_what_is_left_out_of_the_next_round(world: World) -> None:
    world.run(document(rollover="UNALLOCATED"))
    before_fen = world.record().funds.unallocated_fen
    world.now = ROUND_1_CLOSES
    assert world.roll_over()
    assert world.units("r2") == (5, 5)
    assert world.record().funds.unallocated_fen == before_fen + 2 * (5 * FACE_FEN + 5 * 1_651)
    world.require_sound()


def test_a_round_without_the_type_is_passed_over(world: World) -> None:
    full, shared = allocation("full", "unionpay", 5), allocation("shared", "unionpay", 5)
    world.run(document(rounds=rounds([full], [shared], [full])))
    world.now = ROUND_1_CLOSES
    assert world.roll_over()
    assert world.units("r3") == (10, 10)
    world.now += 4 * DAY
    assert world.roll_over()
    assert world.units("r3") == (10, 10)
    world.require_sound()


def test_what_lapses_after_the_close_flows_on_as_soon_as_it_is_swept(world: World) -> None:
    world.run()
    world.now = ROUND_1_CLOSES - timedelta(hours=1)
    late = world.claim("n1", type_id="shared")
    world.now = ROUND_1_CLOSES
    assert world.roll_over(world.sweep())
    assert world.units("r2", "shared") == (9, 9)
    world.now = late.valid_until
    assert world.roll_over(world.sweep())
    assert world.units("r2", "shared") == (10, 10)
    world.require_sound()


def test_a_refund_after_the_close_flows_on_within_an_hour(world: World) -> None:
    world.run()
    redemption = world.redeem(world.claim("n1"), "o1")
    world.now = ROUND_1_CLOSES
    assert world.roll_over(world.sweep())
    assert world.units("r2") == (9, 9)
    world.refund(redemption, "f1")
    world.now += DRAIN_AGAIN - timedelta(seconds=1)
    assert world.roll_over(world.sweep())
    assert world.units("r2") == (9, 9)
    world.now += timedelta(seconds=1)
    assert world.roll_over(world.sweep())
    assert world.units("r2") == (10, 10)
    world.require_sound()


def test_shards_are_not_read_at_every_tick(world: World) -> None:
    world.run()
    world.now = ROUND_1_CLOSES
    assert world.roll_over()
    world.now += timedelta(minutes=10)
    with world.injector.armed(None):
        assert world.roll_over()
    assert "BatchGetItem" not in world.injector.calls
    assert "TransactWriteItems" not in world.injector.calls


def test_a_drain_that_met_something_is_not_noted_as_done(world: World) -> None:
    world.run()
    world.now = ROUND_1_CLOSES
    shard = world.pool("r1").shard_id(0)
    met = count()

    def once(items: list[dict[str, Any]]) -> bool:
        if any(shard in str(item) for item in items) and not next(met):
            world.claim_late("n1", at=ROUND_1_CLOSES - timedelta(seconds=1))
        return False

    with contended(world.database.client, once):
        assert not world.roll_over()
    assert world.pool("r1").drained_at is None
    world.require_sound()
    assert world.roll_over()
    assert world.pool("r1").drained_at == world.now
    assert world.units("r1")[1] == 0
    world.require_sound()


def test_a_paused_campaign_rolls_over_and_its_new_units_wait(world: World) -> None:
    world.run()
    world.bureau.pause_campaign(CAMPAIGN, world.now)
    world.now = ROUND_1_CLOSES
    assert world.roll_over()
    assert world.units("r2") == (10, 10)
    world.require_sound()


def test_money_that_no_budget_pays_needs_no_pot(world: World) -> None:
    """A type that the platform pays alone reserves nothing; its units stay in their round."""
    platform_pays = voucher_type(
        "full", funding={"fiscal_bp": 0, "platform_bp": 10_000, "merchant_bp": 0}
    )
    stock = [allocation("full", "unionpay", 5)]
    world.run(document(voucher_types=[platform_pays], rounds=rounds(stock, stock)))
    world.redeem(world.claim("n1"), "o1")
    world.claim("n2", person=1)
    world.now = ROUND_1_CLOSES
    assert world.sweep().ended == 1
    assert world.roll_over()
    assert world.units("r2") == (5, 5)
    assert world.record().funds.unallocated_fen == 100_007
    world.require_sound()


def test_two_rollovers_at_once_move_everything_once(world: World) -> None:
    stock = [allocation("full", "unionpay", 5)]
    world.run(document(rounds=rounds(stock, stock)))
    world.claim("n1")
    world.now = ROUND_1_CLOSES
    _between(world, lambda: world.roll_over(world.sweep()), lambda: world.roll_over(world.sweep()))


def _between(world: World, act: Callable[[], object], visit: Callable[[], object]) -> None:
    world.keep()
    for at in count():
        world.restore()
        with world.injector.visited(at, visit):
            act()
        if not world.injector.struck:
            return
        world.require_sound()
        world.now += DRAIN_AGAIN
        world.roll_over(world.sweep())
        assert world.units("r2") == (10, 10), at
        assert world.pool("r1").pot_fen == world.pool("r2").pot_fen == 0, at
        world.require_sound()


def test_before_the_campaign_runs_and_after_it_closed_nothing_rolls(world: World) -> None:
    draft = world.draft()
    world.now = ROUND_1_CLOSES
    with world.injector.armed(None):
        assert roll_over(draft, world.stores, world.now)
    assert world.injector.calls == []


def test_at_the_end_every_pool_gives_back_all_it_has(world: World) -> None:
    world.run()
    world.claim("n1")
    world.now = ROUND_1_CLOSES + 20 * DAY
    world.sweep()
    assert drain_all(world.record(), world.stores, world.now)
    assert world.record().funds.unallocated_fen == 100_007
    world.require_sound()

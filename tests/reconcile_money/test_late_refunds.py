"""A closed campaign takes refunds for a time; what they bring back is returned as well, once."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from functions.reconcile.supplements import Supplement
from functions.reconcile.sweep import SETTLING
from functions.shared.domain.business_time import business_date
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.fund_return import (
    FundReturn,
    Spent,
    is_supplement_due,
    plan_return,
)
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.settlement import entry_range, last_late_day
from functions.shared.domain.vouchers import VoucherState
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.tables import StockItem
from functions.shared.store.transaction import Cancelled
from tests.reconcile_money.world import CAMPAIGN, DAY, World, document
from tests.support.faults import contended

FOLDER = f"returns/{CAMPAIGN}/0002/"
MONTH = 31 * DAY


def closed(world: World) -> Redemption:
    """A campaign that is closed, with one redemption of 20 off 60."""
    world.run()
    redemption = world.redeem(world.claim("n1"), "o1")
    world.now = world.record().campaign.refunds_end_at + SETTLING
    assert world.tick().fund_return
    return redemption


def supplement(world: World) -> FundReturn:
    """What the next tick returns."""
    world.tick()
    assert world.late.fund_return, world.late
    return world.late.fund_return


def test_what_a_late_refund_brings_back_goes_to_the_source_account(world: World) -> None:
    redemption = closed(world)
    refund = world.refund(redemption, "f1")
    assert refund.parts.fiscal_fen == 2_000
    assert refund.voucher_state is VoucherState.EXPIRED
    world.require_sound()
    world.now += MONTH
    made = supplement(world)
    assert (made.run, made.to_return_fen) == (2, 2_000)
    assert (made.redeemed_net_fen, made.returned_before_fen) == (0, 98_007)
    assert made.source_account == world.record().campaign.source_account
    funds = world.record().funds
    assert (funds.unallocated_fen, funds.returned_fen) == (0, funds.appropriated_fen)
    world.require_sound()


def test_its_files_lie_beside_those_of_the_closing(world: World) -> None:
    redemption = closed(world)
    before = world.files()
    world.refund(redemption, "f1", 3_000)
    world.now += MONTH
    made = supplement(world)
    files = world.files()
    assert {key: data for key, data in files.items() if not key.startswith(FOLDER)} == before
    manifest = Manifest.from_bytes(files[f"{FOLDER}manifest.json"])
    assert verify(manifest, lambda name: files[FOLDER + name]) == []
    [row] = csv.DictReader(io.StringIO(files[f"{FOLDER}fund_return.csv"].decode("utf-8-sig")))
    assert (row["run"], row["to_return_fen"]) == ("2", "1000")
    assert row["reference"] == made.reference
    [plain] = json.loads(files[f"{FOLDER}fund_return.json"])["rows"]
    assert plain["settled_on"] == business_date(world.now - DAY).isoformat()


def test_it_is_returned_once_a_month_and_only_what_is_settled(world: World) -> None:
    redemption = closed(world)
    world.refund(redemption, "f1", 3_000)
    world.now += DAY
    world.tick()
    assert world.late == Supplement(), "no other month has begun"
    world.now += MONTH
    world.refund(redemption, "f2", 1_500)
    made = supplement(world)
    assert made.to_return_fen == 1_000, "today's refund is not settled yet"
    world.require_sound()
    world.now += DAY
    world.tick()
    assert world.late == Supplement(), "one return a month"
    assert world.record().funds.unallocated_fen == 500
    world.now += MONTH
    assert supplement(world).to_return_fen == 500
    world.require_sound()


def test_the_last_is_returned_as_soon_as_no_late_refund_can_come(world: World) -> None:
    redemption = closed(world)
    ends_at = world.record().campaign.late_refunds_end_at
    world.now = ends_at - 2 * DAY
    world.refund(redemption, "f1", 3_000)
    world.now += DAY
    assert supplement(world).to_return_fen == 1_000
    world.refund(redemption, "f2", 1_500)
    world.now = ends_at
    with pytest.raises(HuiminError) as refused:
        world.refund(redemption, "f3", 10)
    assert refused.value.code is Code.REFUND_WINDOW_CLOSED
    assert supplement(world).to_return_fen == 500
    world.require_sound()
    files = world.files()
    world.now += 2 * MONTH
    world.tick()
    assert world.late == Supplement()
    assert world.files() == files


def test_none_is_taken_while_the_campaign_is_being_closed(world: World) -> None:
    world.run()
    redemption = world.redeem(world.claim("n1"), "o1")
    world.now = world.record().campaign.refunds_end_at
    with pytest.raises(HuiminError) as refused:
        world.refund(redemption, "f1")
    assert refused.value.code is Code.CAMPAIGN_CLOSING
    world.require_sound()
    world.now += SETTLING
    assert world.tick().fund_return
    assert world.refund(redemption, "f1").voucher_fen == 2_000


def test_a_closed_campaign_without_late_refunds_is_left_alone(world: World) -> None:
    closed(world)
    files = world.files()
    for _ in range(5):
        world.now += MONTH
        world.tick()
        assert world.late == Supplement()
    assert world.files() == files
    assert world.stores.returns.fund_return(CAMPAIGN, 2) is None


def test_the_money_is_drained_once_a_day(world: World) -> None:
    redemption = closed(world)
    world.now += DAY
    world.tick()
    world.refund(redemption, "f1")
    world.now += DAY - timedelta(minutes=1)
    world.tick()
    assert world.record().funds.unallocated_fen == 0
    world.now += timedelta(minutes=1)
    world.tick()
    assert world.record().funds.unallocated_fen == 2_000
    world.require_sound()


def test_nothing_is_returned_while_a_promise_is_broken(world: World) -> None:
    redemption = closed(world)
    world.refund(redemption, "f1")
    world.now += MONTH
    transaction = world.database.transaction("tamper")
    transaction.update(
        "shard",
        StockItem(world.pool("r1").shard_id(0)),
        [StockItem.issued.add(1), StockItem.allocated.add(1)],
    )
    transaction.commit()
    world.tick()
    assert world.late.fund_return is None
    assert world.late.reasons[0].startswith("BROKEN: 4 STOCK_CLOSES")
    assert world.record().funds.returned_fen == 98_007


def test_money_that_did_not_come_together_is_returned_by_the_next_run(world: World) -> None:
    redemption = closed(world)
    world.refund(redemption, "f1", 3_000)
    world.settle()
    world.now += MONTH
    world.settle()
    met = count()

    def refunded_meanwhile(items: list[dict[str, Any]]) -> bool:
        if "lapsed_fen" in str(items) and not next(met):
            world.refund(redemption, "f2", 1_500)
        return False

    with contended(world.database.client, refunded_meanwhile):
        world.close()
    assert world.late.reasons == ("POOLS: 1000 fen are not all unallocated yet",)
    world.require_sound()
    assert supplement(world).to_return_fen == 1_000


def test_two_runs_return_it_once(world: World) -> None:
    redemption = closed(world)
    world.refund(redemption, "f1")
    world.now += MONTH
    world.roll_over()
    met = count()
    others: list[FundReturn] = []

    def other_first(items: list[dict[str, Any]]) -> bool:
        if "RETURN#" in str(items) and not next(met):
            world.close()
            assert world.late.fund_return
            others.append(world.late.fund_return)
        return False

    with contended(world.database.client, other_first):
        made = supplement(world)
    assert [made] == others
    assert world.stores.returns.fund_return(CAMPAIGN, 3) is None
    world.require_sound()


@pytest.mark.parametrize(
    "wrong", [{"to_return_fen": 2_001, "redeemed_net_fen": -1}, {"returned_before_fen": 98_006}]
)
def test_what_is_not_there_is_not_returned(world: World, wrong: dict[str, int]) -> None:
    """The transaction checks for itself what it takes out."""
    redemption = closed(world)
    world.refund(redemption, "f1")
    world.now += DAY
    world.roll_over()
    closing = world.stores.returns.fund_return(CAMPAIGN, 1)
    assert closing is not None
    planned = replace(
        closing, run=2, returned_before_fen=98_007, to_return_fen=2_000, redeemed_net_fen=0
    )
    for name, fen in wrong.items():
        object.__setattr__(planned, name, fen)
    before = world.record()
    with pytest.raises(Cancelled):
        world.stores.returns.supplement(planned, now=world.now)
    assert world.record() == before
    assert world.stores.returns.fund_return(CAMPAIGN, 2) is None


def test_the_transaction_takes_nothing_out_of_a_campaign_that_is_not_closed(world: World) -> None:
    record = world.run(document(rounds=document()["rounds"][:1]))
    assert record.funds.unallocated_fen > 7
    spent = Spent(
        redeemed_net_fen=record.funds.appropriated_fen - 7,
        adjusted_net_fen=0,
        settled_on=business_date(world.now),
    )
    planned = plan_return(record.campaign, record.funds, spent, run=2, now=world.now)
    with pytest.raises(Cancelled):
        world.stores.returns.supplement(planned, now=world.now)
    assert world.stores.returns.fund_return(CAMPAIGN, 2) is None


def test_days_are_settled_until_no_late_refund_can_come(world: World) -> None:
    closed(world)
    campaign = world.record().campaign
    assert entry_range(campaign)[1] == last_late_day(campaign)
    assert last_late_day(campaign) == business_date(campaign.late_refunds_end_at - DAY)


def test_a_supplement_is_due_in_each_new_month_and_at_the_end(world: World) -> None:
    closed(world)
    last = world.stores.returns.fund_return(CAMPAIGN, 1)
    assert last is not None
    campaign, decided = world.record().campaign, last.decided_at
    settled_on = business_date(decided)
    assert not is_supplement_due(campaign, last, settled_on, decided + DAY)
    assert is_supplement_due(campaign, last, settled_on, decided + MONTH)
    assert is_supplement_due(campaign, last, settled_on, decided + 12 * MONTH)
    end = last_late_day(campaign)
    assert is_supplement_due(campaign, last, end, decided + timedelta(minutes=1))
    assert not is_supplement_due(campaign, last, end - DAY, decided + timedelta(minutes=1))

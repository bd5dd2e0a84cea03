"""A campaign closes once, with every fen accounted for, and pays back to where it came from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from functions.reconcile.closing import Closing, close_campaign
from functions.reconcile.sweep import SETTLING, Budget
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.fund_return import (
    FundReturn,
    Spent,
    from_payload,
    plan_return,
    return_reference,
    to_payload,
)
from functions.shared.domain.funds import CampaignRecord, Funds
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.returns import FUND_RETURN
from functions.shared.store.tables import CampaignItem, SettlementItem, StockItem
from functions.shared.store.transaction import Cancelled
from tests.reconcile_money.world import CAMPAIGN, DAY, START, World, document
from tests.support.faults import contended

FOLDER = f"returns/{CAMPAIGN}/0001/"
NOTHING_SPENT = Spent(redeemed_net_fen=0, adjusted_net_fen=0, settled_on=date(2026, 1, 31))


def over(world: World) -> None:
    """Moves the clock to where the campaign can close."""
    world.now = world.record().campaign.refunds_end_at + SETTLING


def lived(world: World) -> int:
    """A campaign with a redemption, a part refund and an unused voucher; its redeemed net."""
    world.run()
    redemption = world.redeem(world.claim("n1"), "o1")
    world.refund(redemption, "f1", 3_000)
    world.claim("n2", person=1, type_id="shared")
    return 2_000 - 1_000


def return_of(record: CampaignRecord, funds: Funds, now: datetime) -> FundReturn:
    """The return of a campaign on which nothing was spent."""
    return plan_return(record.campaign, funds, NOTHING_SPENT, run=1, now=now)


def test_all_that_is_left_goes_back_to_the_source_account(world: World) -> None:
    net_fen = lived(world)
    over(world)
    closed = world.tick().fund_return
    assert closed is not None
    record = world.record()
    assert record.state is CampaignState.CLOSED
    assert record.closed_at == world.now
    assert (closed.appropriated_fen, closed.redeemed_net_fen) == (100_007, net_fen)
    assert (closed.returned_before_fen, closed.to_return_fen) == (0, 100_007 - net_fen)
    assert closed.source_account == record.campaign.source_account
    assert (record.funds.unallocated_fen, record.funds.returned_fen) == (0, closed.to_return_fen)
    world.require_sound()


def test_the_return_lies_in_three_formats_under_a_manifest(world: World) -> None:
    net_fen = lived(world)
    over(world)
    world.tick()
    files = world.files()
    assert sorted(files) == [
        f"{FOLDER}{name}"
        for name in ("fund_return.csv", "fund_return.json", "fund_return.xlsx", "manifest.json")
    ]
    manifest = Manifest.from_bytes(files[f"{FOLDER}manifest.json"])
    assert verify(manifest, lambda name: files[FOLDER + name]) == []
    assert {entry.totals["to_return_fen"] for entry in manifest.files} == {100_007 - net_fen}
    text = files[f"{FOLDER}fund_return.csv"].decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["appropriated_fen"] == "100007"
    assert row["redeemed_net_fen"] == str(net_fen)
    assert row["returned_before_fen"] == "0"
    assert row["to_return_fen"] == str(100_007 - net_fen)
    assert row["account_number"] == "0200001234567890123"
    assert row["reference"] == return_reference(CAMPAIGN, 1)
    (plain,) = json.loads(files[f"{FOLDER}fund_return.json"])["rows"]
    assert plain["to_return_fen"] == 100_007 - net_fen


def test_a_campaign_nobody_used_gives_everything_back(world: World) -> None:
    world.run()
    over(world)
    closed = world.tick().fund_return
    assert closed is not None
    assert closed.to_return_fen == closed.appropriated_fen == 100_007


def test_a_campaign_closes_once(world: World) -> None:
    lived(world)
    over(world)
    first = world.tick()
    files = world.files()
    world.now += 30 * DAY
    assert world.tick() == first
    assert world.files() == files
    assert first.fund_return is not None
    assert world.record().funds.returned_fen == first.fund_return.to_return_fen


def test_files_that_a_run_could_not_write_are_written_by_the_next(world: World) -> None:
    lived(world)
    over(world)
    world.tick()
    whole = world.files()
    for key in (f"{FOLDER}manifest.json", f"{FOLDER}fund_return.xlsx"):
        world.forget_file(key)
    world.now += DAY
    world.tick()
    assert world.files() == whole


# Why not yet


def why_not(world: World) -> str:
    """The first word of the reason for which the campaign is not closed."""
    closing = world.close()
    assert closing.fund_return is None
    assert world.record().state is not CampaignState.CLOSED
    assert not world.files()
    world.require_sound()
    (reason, *_) = closing.reasons
    return reason.split(":")[0]


def test_not_before_the_refund_window_has_passed_and_settled(world: World) -> None:
    lived(world)
    over(world)
    world.now -= timedelta(milliseconds=1)
    world.settle()
    assert why_not(world) == "REFUNDS_OPEN"
    world.now += timedelta(milliseconds=1)
    assert world.close().fund_return


def test_not_before_it_ran(world: World) -> None:
    world.draft()
    world.now = START + 60 * DAY
    assert why_not(world) == "STATE"


def test_not_while_days_are_not_settled(world: World) -> None:
    lived(world)
    over(world)
    days = ("2026-01-05 unionpay", "2026-01-06 unionpay")

    def unsettled(_: CampaignRecord) -> Sequence[str]:
        return days

    closing = close_campaign(
        world.record(), world.stores, world.now, unsettled=unsettled, budget=Budget()
    )
    assert closing == Closing(None, tuple(f"UNSETTLED: {day}" for day in days))
    # Whoever says that all is settled: settlements must add up to the ledger.
    assert why_not(world) == "UNSETTLED"
    world.settle()
    assert world.close().fund_return


def test_not_while_vouchers_are_still_being_written_down(world: World) -> None:
    lived(world)
    over(world)
    world.settle()
    closing = close_campaign(
        world.record(), world.stores, world.now, unsettled=lambda _: (), budget=Budget(0)
    )
    assert closing.reasons[0].startswith("SWEEP")
    world.require_sound()


def test_not_while_a_voucher_holds_money_that_the_index_does_not_show(world: World) -> None:
    """The recount reads the table itself, sweeps what it found, and the next run closes."""
    lived(world)
    over(world)
    world.settle()
    voucher = world.claim_late("n9", at=START)
    world.stores.campaigns.mark_swept(CAMPAIGN, world.now)
    assert why_not(world) == "OUTSTANDING"
    stored = world.stores.vouchers.get(voucher.voucher_id)
    assert stored is not None
    assert stored.state == "EXPIRED"
    assert world.close().fund_return
    world.require_sound()


def test_not_while_a_promise_is_broken(world: World) -> None:
    lived(world)
    over(world)
    world.settle()
    world.sweep()
    transaction = world.database.transaction("tamper")
    transaction.update(
        "shard",
        StockItem(world.pool("r1").shard_id(0)),
        [StockItem.issued.add(1), StockItem.allocated.add(1)],
    )
    transaction.commit()
    closing = world.close()
    assert closing.reasons[0].startswith("BROKEN: 4 STOCK_CLOSES")
    assert world.record().state is CampaignState.RUNNING


def test_not_when_the_campaign_changed_while_it_was_counted(world: World) -> None:
    lived(world)
    over(world)
    world.settle()
    met = count()

    def pause_first(items: list[dict[str, Any]]) -> bool:
        if "RETURN#" in str(items) and not next(met):
            world.bureau.pause_campaign(CAMPAIGN, world.now)
        return False

    with contended(world.database.client, pause_first):
        assert why_not(world) == "CHANGED"
    assert world.record().state is CampaignState.PAUSED
    assert world.close().fund_return
    world.require_sound()


# The return itself


def test_a_return_takes_all_that_is_left_or_is_none(world: World) -> None:
    record = world.run()
    with pytest.raises(ValueError, match="add up"):
        plan_return(record.campaign, record.funds, NOTHING_SPENT, run=1, now=world.now)


def test_a_return_is_stored_as_it_was_decided(world: World) -> None:
    record = world.draft()
    planned = return_of(record, record.funds, world.now)
    assert from_payload(to_payload(planned)) == planned
    assert planned.statement_key == "RETURN#0001"
    with pytest.raises(ValueError, match="to_return_fen"):
        replace(planned, to_return_fen=-1)


def test_a_reference_fits_a_payment_message_and_is_one_runs_only() -> None:
    longest = "c" * 40
    names = {return_reference(campaign, run) for campaign in (longest, "c") for run in (1, 2)}
    assert len(names) == 4
    assert all(len(name) <= 35 for name in names)
    assert return_reference("spring", 1) == "HUIMIN-R0001-78BB508E316144E2D6D7"


def test_money_that_is_not_there_is_not_returned(world: World) -> None:
    """The closing transaction checks for itself what it takes out."""
    record = world.run(document(rounds=document()["rounds"][:1]))
    funds = replace(record.funds, unallocated_fen=record.funds.appropriated_fen)
    planned = return_of(record, funds, world.now)
    with pytest.raises(Cancelled):
        world.stores.returns.close(planned, record, now=world.now)
    assert world.record() == record
    assert world.stores.returns.fund_return(CAMPAIGN, 1) is None


def test_a_return_that_is_stored_is_the_one_that_counts(world: World) -> None:
    """Even where the campaign still looks as if nothing had been returned."""
    record = world.draft()
    planned = return_of(record, record.funds, world.now)
    other = replace(planned, decided_at=world.now - DAY)
    SettlementItem(
        CAMPAIGN,
        other.statement_key,
        kind=FUND_RETURN,
        statement_id=other.reference,
        business_on="2026-01-01",
        payload=to_payload(other),
        amount_fen=other.to_return_fen,
        made_at=world.now,
    ).save()
    assert world.stores.returns.close(planned, record, now=world.now) == other
    assert world.record() == record


def test_a_return_planned_on_other_returns_than_are_noted_is_refused(world: World) -> None:
    record = world.draft()
    planned = return_of(record, record.funds, world.now)
    on_another = replace(
        planned, appropriated_fen=planned.appropriated_fen + 1, returned_before_fen=1
    )
    with pytest.raises(Cancelled):
        world.stores.returns.close(on_another, record, now=world.now)
    assert world.record() == record


def test_a_return_is_refused_when_a_bill_was_accepted_meanwhile(world: World) -> None:
    """What that holds back would be in no return, and in no account."""
    record = world.draft()
    planned = return_of(record, record.funds, world.now)
    transaction = world.database.transaction("accept")
    transaction.update("campaign", CampaignItem(CAMPAIGN), [CampaignItem.held_back_fen.add(5)])
    transaction.commit()
    with pytest.raises(Cancelled):
        world.stores.returns.close(planned, record, now=world.now)
    assert world.record().funds.returned_fen == 0

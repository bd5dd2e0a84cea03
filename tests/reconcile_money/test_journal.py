"""The journal of a day: complete, in order, chained, the same again; or not written at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from functions.reconcile.journal import (
    DAYS_PER_RUN,
    JournalFault,
    Written,
    journal_prefix,
    write_journals,
)
from functions.reconcile.sweep import SETTLING
from functions.shared.domain.business_time import business_date, to_rfc3339
from functions.shared.domain.journal import (
    GENESIS,
    JournalError,
    Line,
    digest_of,
    read_line,
)
from functions.shared.domain.payments import BankReply, Payments
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.tables import StockItem, VoucherItem
from tests.reconcile_money.world import (
    APPROVER,
    CAMPAIGN,
    DAY,
    OPERATOR,
    START,
    World,
    document,
    with_thanks,
)

FIRST = business_date(START)
NOTHING = Written(CAMPAIGN, (), 0)


def write(world: World) -> Written:
    [written] = write_journals([world.record()], world.stores, world.now) or [NOTHING]
    return written


def lines_of(world: World, days: int = 0) -> list[Line]:
    """The lines of a day, counted from the first."""
    data = world.files()[journal_prefix(CAMPAIGN, FIRST + timedelta(days=days)) + "journal.jsonl"]
    return [read_line(line) for line in data.splitlines(keepends=True)]


def manifest_of(world: World, days: int = 0) -> Manifest:
    prefix = journal_prefix(CAMPAIGN, FIRST + timedelta(days=days))
    files = world.files()
    manifest = Manifest.from_bytes(files[prefix + "manifest.json"])
    assert verify(manifest, lambda name: files[prefix + name]) == []
    return manifest


def lived(world: World) -> None:
    """A day with a claim, a redemption and a part refund, and the night after it."""
    world.clear()
    world.run()
    voucher = world.claim("n1", person=1)
    world.now += timedelta(minutes=1)
    redemption = world.redeem(voucher, "o1")
    world.now += timedelta(minutes=1)
    world.refund(redemption, "f1", 1_000)
    world.claim("n2", person=2, type_id="shared", platform_id="meituan")
    world.now = START + DAY


def kinds(lines: Iterable[Line]) -> list[str]:
    return [line.change.kind for line in lines]


def test_a_day_over_is_written_whole_in_order_and_chained(world: World) -> None:
    lived(world)
    assert write(world) == Written(CAMPAIGN, (FIRST,), 6)
    lines = lines_of(world)
    assert kinds(lines) == [
        "day.opened",
        "voucher.claimed",
        "ledger.redeemed",
        "voucher.redeemed",
        "voucher.claimed",
        "ledger.refunded",
        "voucher.refunded",
    ]
    assert [line.number for line in lines] == list(range(1, 8))
    roots = [GENESIS, *(line.digest for line in lines)]
    assert [line.previous for line in lines] == roots[:-1]
    manifest = manifest_of(world)
    assert manifest.inputs == {
        "campaign_id": CAMPAIGN,
        "changes": 6,
        "changes_before": 0,
        "previous_root": GENESIS,
        "root": roots[-1],
    }
    assert {entry.name: entry.rows for entry in manifest.files} == {
        "journal.jsonl": 7,
        "campaign.json": 0,
    }


def test_a_line_says_what_was_issued_redeemed_and_refunded_and_names_no_person(
    world: World,
) -> None:
    lived(world)
    write(world)
    _, claimed, redeemed, _, other, refunded, _ = (line.change for line in lines_of(world))
    assert claimed.data["reserve_fen"] == 2_000
    assert claimed.data["round_id"] == "r1"
    assert len(claimed.data["persons"]) == 2
    assert claimed.data["persons"] != other.data["persons"]
    assert redeemed.data["order_fen"] == 6_000
    assert (redeemed.data["voucher_fen"], redeemed.data["paid_fen"]) == (2_000, 4_000)
    assert (refunded.data["refund_fen"], refunded.data["voucher_fen"]) == (1_000, 333)
    refs = {ref for voucher in VoucherItem.scan() for ref in voucher.identity_refs}
    text = b"".join(world.files().values()).decode()
    assert not [ref for ref in refs if ref in text]


def test_the_next_day_begins_with_the_root_of_the_day_before(world: World) -> None:
    lived(world)
    write(world)
    world.now += DAY
    assert write(world) == Written(CAMPAIGN, (FIRST + DAY,), 0)
    [opened] = lines_of(world, 1)
    assert opened.previous == lines_of(world)[-1].digest
    assert opened.change.data["changes_before"] == 6
    assert manifest_of(world, 1).inputs["previous_root"] == opened.previous
    assert [entry.name for entry in manifest_of(world, 1).files] == ["journal.jsonl"]


def test_a_day_is_left_alone_until_functions_that_began_in_it_have_ended(world: World) -> None:
    lived(world)
    world.now = START.replace(hour=16) + timedelta(minutes=29)
    assert write(world) == NOTHING
    world.now += timedelta(minutes=1)
    assert write(world).days == (FIRST,)
    assert write(world) == NOTHING


def test_days_that_were_skipped_are_caught_up_seven_a_run(world: World) -> None:
    lived(world)
    world.now = START + (DAYS_PER_RUN + 3) * DAY
    assert len(write(world).days) == DAYS_PER_RUN
    assert len(write(world).days) == 3
    assert write(world) == NOTHING


def test_a_run_that_lost_its_bookmark_writes_the_same_bytes(world: World) -> None:
    lived(world)
    before = world.stores.journals.bookmark(CAMPAIGN)
    world.keep()
    write(world)
    files = world.files()
    after = world.stores.journals.bookmark(CAMPAIGN)
    world.restore()
    assert world.stores.journals.bookmark(CAMPAIGN) == before
    write(world)
    assert world.files() == files
    assert world.stores.journals.bookmark(CAMPAIGN) == after


def test_a_change_that_appears_in_a_day_that_is_written_stops_the_journal(world: World) -> None:
    """Its day cannot be written anew, so somebody must look; no later day is written."""
    lived(world)
    write(world)
    files = world.files()
    late = next(iter(VoucherItem.scan()))
    late.timeline.append(f"{late.timeline[-1].split()[0]} HELD o9")
    late.save()
    world.now += DAY
    with pytest.RaisesGroup(
        pytest.RaisesExc(JournalFault, match=r"7 changes up to .*, 6 in its journal")
    ):
        write(world)
    assert world.files() == files


def test_a_voucher_that_no_shard_counts_stops_the_journal(world: World) -> None:
    lived(world)
    shard = next(item for item in StockItem.scan() if item.issued)
    shard.issued -= 1
    shard.save()
    files = world.files()
    with pytest.RaisesGroup(
        pytest.RaisesExc(JournalFault, match="2 vouchers found, 1 to 1 issued")
    ):
        write(world)
    assert world.files() == files


def test_a_file_that_is_there_with_other_bytes_stops_the_journal(world: World) -> None:
    lived(world)
    key = journal_prefix(CAMPAIGN, FIRST) + "journal.jsonl"
    world.stores.objects.put_new(key, b"forged", content_type="text/plain")
    with pytest.RaisesGroup(pytest.RaisesExc(JournalFault, match="other bytes")):
        write(world)
    assert world.stores.journals.bookmark(CAMPAIGN).through is None


def test_one_campaigns_fault_holds_no_other_up(world: World) -> None:
    """The tables are read once for all, and what is wrong with one is told of that one."""
    lived(world)
    other = world.run(document(campaign_id="autumn"))
    shard = next(item for item in StockItem.scan() if item.issued)
    shard.issued -= 1
    shard.save()
    records = [world.record(), other]
    with (
        world.injector.armed(None),
        pytest.RaisesGroup(pytest.RaisesExc(JournalFault, match="spring: 2 vouchers found")),
    ):
        write_journals(records, world.stores, world.now)
    assert world.injector.calls.count("Scan") == 4
    assert world.stores.journals.bookmark(CAMPAIGN).through is None
    assert world.stores.journals.bookmark("autumn").through == FIRST
    shard.issued += 1
    shard.save()
    written = write_journals(records, world.stores, world.now)
    assert written == [Written(CAMPAIGN, (FIRST,), 6)]


@pytest.mark.parametrize("wrong", [{"state": "LOST"}, {"timeline": ["soon CLAIMED"]}])
def test_an_item_that_cannot_be_read_stops_its_campaign_and_no_other(
    world: World, wrong: dict[str, Any]
) -> None:
    lived(world)
    other = world.run(document(campaign_id="autumn"))
    item = next(iter(VoucherItem.scan()))
    good = {name: getattr(item, name) for name in wrong}
    for name, value in wrong.items():
        setattr(item, name, value)
    item.timeline = [*item.timeline, f"{to_rfc3339(world.now - DAY)} HELD o9"]
    item.save()
    records = [world.record(), other]
    fault = f"spring: 1 items cannot be read: {item.voucher_id}"
    with pytest.RaisesGroup(pytest.RaisesExc(JournalFault, match=fault)):
        write_journals(records, world.stores, world.now)
    assert world.stores.journals.bookmark("autumn").through == FIRST
    for name, value in good.items():
        setattr(item, name, value)
    if "timeline" not in good:
        item.timeline = item.timeline[:-1]
    item.save()
    assert [w.campaign_id for w in write_journals(records, world.stores, world.now)] == [CAMPAIGN]


def test_orders_that_earned_a_voucher_are_told_with_their_refunds(world: World) -> None:
    world.clear()
    world.run(with_thanks(document()))
    earned = world.earn("o1")
    redemption = world.redeem(world.claim("n1"), "o2")
    world.now += timedelta(minutes=1)
    also = world.earn("o2")
    world.refund_plain(earned, "f1", 1_500)
    world.now = START + DAY
    write(world)
    told = {line.change.change_id: line.change for line in lines_of(world)}
    assert told[f"{earned.voucher_id}.earn"].data == {
        "voucher_id": earned.voucher_id,
        "platform_id": "unionpay",
        "order_no": "o1",
        "merchant_id": "noodle-bar",
        "redemption_id": None,
        "order_fen": 6_000,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 0,
    }
    assert told[f"{also.voucher_id}.earn"].data["redemption_id"] == redemption.redemption_id
    refund = told[f"{earned.voucher_id}.refund.f1"]
    assert refund.kind == "order.refunded"
    assert (refund.data["refund_fen"], refund.data["base_left_fen"]) == (1_500, 4_500)
    assert "voucher.taken_back" in {change.kind for change in told.values()}


def test_the_journal_goes_on_after_the_closing_with_refunds_returns_and_payments(
    world: World,
) -> None:
    world.clear()
    world.run()
    redemption = world.redeem(world.claim("n1"), "o1")
    campaign = world.record().campaign
    world.now = campaign.refunds_end_at + SETTLING
    assert world.tick().fund_return
    closing = business_date(world.now)
    pay(world, 1)
    world.now += DAY
    world.refund(redemption, "f1")
    world.now += 31 * DAY
    world.tick()
    assert world.late.fund_return
    supplement = business_date(world.now)
    world.now += 2 * DAY
    for _ in range(10):
        write(world)
    told = {on: kinds(lines_of(world, (on - FIRST).days)) for on in (closing, supplement)}
    assert told[closing][1:] == [
        "fund.returned",
        "payment.proposed",
        "payment.withdrawn",
        "payment.proposed",
        "payment.approved",
        "payment.replied",
        *["settlement.made"] * told[closing].count("settlement.made"),
    ]
    assert "ledger.refunded" in kinds(lines_of(world, (closing - FIRST).days + 1))
    assert told[supplement].count("fund.returned") == 1
    [made] = [c.change for c in lines_of(world, (supplement - FIRST).days) if "fund" in str(c)]
    assert made.data["run"] == 2
    assert made.data["settled_on"] == (supplement - DAY).isoformat()
    world.now = campaign.books_end_at + 40 * DAY
    for _ in range(30):
        write(world)
    assert world.stores.journals.bookmark(CAMPAIGN).through == business_date(campaign.books_end_at)


def pay(world: World, run: int) -> None:
    """Proposes a payment, takes it back, and pays another one."""

    def found() -> Payments:
        return world.return_desk.find(CAMPAIGN, run).payments

    desk = world.payment_desk
    desk.propose(found(), version=1, by=OPERATOR, now=world.now)
    desk.withdraw(found(), version=2, by=OPERATOR, now=world.now)
    desk.propose(found(), version=3, by=OPERATOR, now=world.now)
    desk.approve(found(), version=4, by=APPROVER, now=world.now)
    last = found().last
    assert last is not None
    reply = BankReply(
        reference=last.reference,
        account_number=found().account_number,
        paid_fen=last.amount_fen,
        bank_reference="B-1",
        note="",
        told_by=OPERATOR,
        told_at=world.now,
    )
    desk.reply(found(), reply, version=5, now=world.now)


def test_a_draft_has_no_journal(world: World) -> None:
    world.clear()
    world.draft()
    world.now += 5 * DAY
    assert write(world) == NOTHING


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"not json\n",
        b"\xff\n",
        b"[" * 5_000 + b"\n",
        json.dumps({"at": 1, "data": {}, "id": "", "kind": "", "n": 1, "prev": ""}).encode(),
        b'"' + b"x" * 70_000 + b'"\n',
    ],
)
def test_what_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(JournalError):
        read_line(line)


def test_a_line_has_one_spelling(world: World) -> None:
    lived(world)
    write(world)
    key = journal_prefix(CAMPAIGN, FIRST) + "journal.jsonl"
    line = world.files()[key].splitlines(keepends=True)[1]
    assert read_line(line).digest == digest_of(line)
    for other in (line.replace(b":", b": ", 1), line.rstrip(b"\n"), b" " + line):
        with pytest.raises(JournalError):
            read_line(other)

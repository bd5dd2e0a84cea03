"""Holds, releases and expiry: the stored conditions are the rules, and refusals change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.ids import segment_of
from functions.shared.domain.vouchers import (
    TIMELINE_LIMIT,
    TimelineEntry,
    Voucher,
    VoucherEvent,
    VoucherState,
    require_usable,
)
from functions.shared.store.claims import ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.tables import ISSUE_SEGMENTS
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import VoucherStore, issue_bucket, item_of, lapsing_fen
from tests.store.seeds import put_shard, shard_of, the_item
from tests.support.deployment import Deployment
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted
from tests.support.vouchers import (
    ISSUED_AT,
    REDEMPTION_ID,
    SHARD,
    VALID_UNTIL,
    a_voucher,
    voucher_id,
)

MOMENT = timedelta(milliseconds=1)
NOW = ISSUED_AT + timedelta(hours=1)
HELD_UNTIL = NOW + timedelta(minutes=15)
ISSUED, HELD, REDEEMED, EXPIRED, VOIDED = VoucherState
held = a_voucher(state=HELD, order_no="o-1", held_until=HELD_UNTIL)


@pytest.fixture
def store(database: Database) -> VoucherStore:
    put_shard()
    return VoucherStore(database)


def stored(voucher: Voucher) -> Voucher:
    """The voucher, put as it is."""
    item_of(voucher).save()
    return voucher


def test_a_voucher_is_read_as_it_was_written(store: VoucherStore) -> None:
    full = a_voucher(
        state=REDEEMED,
        order_no="o-1",
        held_until=HELD_UNTIL,
        redemption_id=REDEMPTION_ID,
        slack_fen=7,
        identity_refs=("p1_a", "p1_b"),
        timeline=(
            TimelineEntry(ISSUED_AT, VoucherEvent.CLAIMED, "q-1"),
            TimelineEntry(NOW, VoucherEvent.EXPIRED),
            TimelineEntry(NOW, VoucherEvent.HELD, "a|b*c.d-e_f"),
        ),
    )
    stored(full)
    assert store.get(full.voucher_id) == full
    assert store.get(voucher_id("z")) is None


# Holds: the stored condition against the rule of the domain, case by case

CASES = [
    ("issued", a_voucher(), "o-1", NOW),
    ("held by the order", held, "o-1", NOW),
    ("held by another", held, "o-2", NOW),
    ("held by another to the last moment", held, "o-2", HELD_UNTIL - MOMENT),
    ("hold of another lapsed", held, "o-2", HELD_UNTIL),
    ("redeemed", a_voucher(state=REDEEMED), "o-1", NOW),
    ("expired", a_voucher(state=EXPIRED), "o-1", NOW),
    ("voided", a_voucher(state=VOIDED), "o-1", NOW),
    # Its order is kept after the hold has ended otherwise.
    ("redeemed by the order", replace(held, state=REDEEMED), "o-1", NOW),
    ("voided while it was held", replace(held, state=VOIDED), "o-1", NOW),
    ("voided, its hold lapsed", replace(held, state=VOIDED), "o-2", HELD_UNTIL),
    ("at its first instant", a_voucher(), "o-1", ISSUED_AT),
    ("before its first instant", a_voucher(), "o-1", ISSUED_AT - MOMENT),
    ("at its last instant", a_voucher(), "o-1", VALID_UNTIL - MOMENT),
    ("at its end", a_voucher(), "o-1", VALID_UNTIL),
    ("held, at its end", held, "o-1", VALID_UNTIL),
]


@pytest.mark.parametrize(
    ("voucher", "order_no", "now"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_store_holds_exactly_what_the_domain_calls_usable(
    store: VoucherStore, deployment: Deployment, voucher: Voucher, order_no: str, now: datetime
) -> None:
    stored(voucher)
    before = deployment.snapshot()
    try:
        require_usable(voucher, order_no=order_no, now=now)
    except HuiminError:
        with pytest.raises(Cancelled):
            store.hold(voucher, order_no=order_no, held_until=HELD_UNTIL, now=now)
        assert deployment.snapshot() == before
    else:
        after = store.hold(voucher, order_no=order_no, held_until=HELD_UNTIL, now=now)
        assert (after.state, after.order_no, after.held_until) == (HELD, order_no, HELD_UNTIL)
        assert after.timeline[-1] == TimelineEntry(now, VoucherEvent.HELD, order_no)


def test_a_hold_of_a_voucher_that_is_not_there_makes_none(
    store: VoucherStore, deployment: Deployment
) -> None:
    with pytest.raises(Cancelled):
        store.hold(a_voucher(), order_no="o-1", held_until=HELD_UNTIL, now=NOW)
    assert deployment.items("vouchers") == []


@pytest.mark.parametrize(("lines", "taken"), [(TIMELINE_LIMIT - 1, True), (TIMELINE_LIMIT, False)])
def test_a_voucher_is_held_until_its_timeline_is_full(
    store: VoucherStore, deployment: Deployment, lines: int, *, taken: bool
) -> None:
    entry = TimelineEntry(ISSUED_AT, VoucherEvent.HELD, "x" * 64)
    voucher = stored(a_voucher(timeline=(entry,) * lines))
    before = deployment.snapshot()
    if taken:
        after = store.hold(voucher, order_no="o-1", held_until=HELD_UNTIL, now=NOW)
        assert len(after.timeline) == TIMELINE_LIMIT
    else:
        with pytest.raises(Cancelled):
            store.hold(voucher, order_no="o-1", held_until=HELD_UNTIL, now=NOW)
        assert deployment.snapshot() == before


def test_a_hold_in_lasting_contention_is_busy(
    store: VoucherStore, database: Database, deployment: Deployment
) -> None:
    stored(a_voucher())
    before = deployment.snapshot()
    steps = [cancelled("TransactionConflict")] * TRIES
    with scripted(database.client, TRANSACTION, *steps), pytest.raises(Busy):
        store.hold(a_voucher(), order_no="o-1", held_until=HELD_UNTIL, now=NOW)
    assert deployment.snapshot() == before


# Releases


@pytest.mark.parametrize("now", [NOW, HELD_UNTIL, VALID_UNTIL])
def test_the_order_that_holds_gives_back(store: VoucherStore, now: datetime) -> None:
    after = store.release(stored(held), order_no="o-1", now=now)
    assert (after.state, after.held_until, after.order_no) == (ISSUED, None, "o-1")
    assert after.timeline[-1] == TimelineEntry(now, VoucherEvent.RELEASED, "o-1")


@pytest.mark.parametrize(
    ("voucher", "order_no"),
    [
        (held, "o-2"),
        (a_voucher(), "o-1"),
        (a_voucher(order_no="o-1"), "o-1"),
        (a_voucher(state=REDEEMED, order_no="o-1"), "o-1"),
        (a_voucher(state=EXPIRED, order_no="o-1"), "o-1"),
    ],
)
def test_nobody_else_gives_back_and_nothing_that_is_not_held(
    store: VoucherStore, deployment: Deployment, voucher: Voucher, order_no: str
) -> None:
    stored(voucher)
    before = deployment.snapshot()
    with pytest.raises(Cancelled):
        store.release(voucher, order_no=order_no, now=NOW)
    assert deployment.snapshot() == before


def test_a_release_whose_reply_was_lost_is_refused_the_second_time(
    store: VoucherStore, database: Database
) -> None:
    stored(held)
    with scripted(database.client, TRANSACTION, LOST_AFTER), pytest.raises(Cancelled):
        store.release(held, order_no="o-1", now=NOW)
    after = store.get(held.voucher_id)
    assert after is not None
    assert after.state is ISSUED
    assert [entry.event for entry in after.timeline].count(VoucherEvent.RELEASED) == 1


# Voids


@pytest.mark.parametrize("now", [VALID_UNTIL - MOMENT, VALID_UNTIL])
def test_a_void_moves_the_money_of_a_voucher_that_has_not_ended(
    store: VoucherStore, deployment: Deployment, now: datetime
) -> None:
    """From its end on the sweep moves it."""
    stored(a_voucher())
    before = deployment.snapshot()
    if now < VALID_UNTIL:
        assert store.void(a_voucher(), void_no="void-1", now=now).state is VOIDED
        assert shard_of(deployment)["lapsed_fen"] == 2_000
    else:
        with pytest.raises(Cancelled):
            store.void(a_voucher(), void_no="void-1", now=now)
        assert deployment.snapshot() == before


# Expiry


def test_ended_vouchers_lapse_together_into_their_shard(
    store: VoucherStore, deployment: Deployment
) -> None:
    unused = stored(a_voucher())
    on_hold = stored(replace(held, voucher_id=voucher_id("b")))
    used = stored(
        a_voucher(voucher_id=voucher_id("c"), state=REDEEMED, slack_fen=300, order_no="o-9")
    )
    assert store.expire(SHARD, [unused, on_hold, used], now=VALID_UNTIL) == 3
    assert shard_of(deployment)["lapsed_fen"] == 2_000 + 2_000 + 300
    after = store.many([unused.voucher_id, on_hold.voucher_id, used.voucher_id])
    assert [(v.state, v.slack_fen) for v in after] == [(EXPIRED, 0), (EXPIRED, 0), (REDEEMED, 0)]
    expired = TimelineEntry(VALID_UNTIL, VoucherEvent.EXPIRED)
    assert [v.timeline[-1] == expired for v in after] == [True, True, False]


def test_running_it_again_moves_nothing_again(store: VoucherStore, deployment: Deployment) -> None:
    vouchers = [stored(a_voucher()), stored(a_voucher(voucher_id=voucher_id("b")))]
    assert store.expire(SHARD, vouchers, now=VALID_UNTIL) == 2
    before = deployment.snapshot()
    assert store.expire(SHARD, vouchers, now=VALID_UNTIL) == 0
    assert deployment.snapshot() == before


@pytest.mark.parametrize(
    "since",
    [
        {"state": HELD, "order_no": "o-1", "held_until": HELD_UNTIL},
        {"state": REDEEMED, "order_no": "o-1"},
        {"state": EXPIRED},
        {"valid_until": VALID_UNTIL + MOMENT},
    ],
)
def test_what_changed_since_it_was_read_is_left_and_the_others_go_on(
    store: VoucherStore, deployment: Deployment, since: dict[str, object]
) -> None:
    read = a_voucher()
    stored(a_voucher(**since))
    other = stored(a_voucher(voucher_id=voucher_id("b")))
    assert store.expire(SHARD, [read, other], now=VALID_UNTIL) == 1
    assert shard_of(deployment)["lapsed_fen"] == 2_000
    assert store.get(read.voucher_id) == a_voucher(**since)


def test_a_slack_that_a_refund_took_back_is_not_set_free_as_well(
    store: VoucherStore, deployment: Deployment
) -> None:
    read = a_voucher(state=REDEEMED, slack_fen=300)
    stored(replace(read, slack_fen=0))
    before = deployment.snapshot()
    assert store.expire(SHARD, [read], now=VALID_UNTIL) == 0
    assert deployment.snapshot() == before


def test_a_voucher_does_not_lapse_a_moment_early(
    store: VoucherStore, deployment: Deployment
) -> None:
    voucher = stored(a_voucher())
    before = deployment.snapshot()
    assert store.expire(SHARD, [voucher], now=VALID_UNTIL - MOMENT) == 0
    assert deployment.snapshot() == before


def test_no_money_lapses_into_a_shard_that_is_not_there(
    store: VoucherStore, deployment: Deployment
) -> None:
    """An update would make the item, and its money would be in no pool."""
    voucher = stored(a_voucher())
    before = deployment.snapshot()
    with pytest.raises(Cancelled):
        store.expire("none", [voucher], now=VALID_UNTIL)
    assert deployment.snapshot() == before


def test_nothing_to_expire_is_no_transaction(store: VoucherStore, database: Database) -> None:
    with scripted(database.client, TRANSACTION) as sent:
        assert store.expire(SHARD, [], now=VALID_UNTIL) == 0
    assert sent == []


@pytest.mark.parametrize(
    ("voucher", "fen"),
    [
        (a_voucher(), 2_000),
        (held, 2_000),
        (a_voucher(state=REDEEMED, slack_fen=300), 300),
        (a_voucher(state=REDEEMED), 0),
        (a_voucher(state=EXPIRED), 0),
        (a_voucher(state=VOIDED), 0),
    ],
)
def test_the_end_sets_free_what_no_redemption_took(voucher: Voucher, fen: int) -> None:
    assert lapsing_fen(voucher) == fen


def test_expiry_that_meets_claims_for_long_is_busy(
    store: VoucherStore, database: Database, deployment: Deployment
) -> None:
    voucher = stored(a_voucher())
    before = deployment.snapshot()
    steps = [cancelled("None", "TransactionConflict")] * TRIES
    with scripted(database.client, TRANSACTION, *steps), pytest.raises(Busy) as busy:
        store.expire(SHARD, [voucher], now=VALID_UNTIL)
    assert busy.value.code is Code.BUSY
    assert deployment.snapshot() == before


# By person, by id, by day of issue


def test_a_persons_vouchers_come_oldest_first(store: VoucherStore, database: Database) -> None:
    later = a_voucher(voucher_id=voucher_id("a"), issued_at=NOW)
    earlier = a_voucher(voucher_id=voucher_id("b"))
    for voucher in (later, earlier):
        ClaimStore(database).commit([voucher], ())
    assert store.of_person(later.campaign_id, later.person_ref) == [earlier, later]
    assert store.of_person("another", later.person_ref) == []
    assert store.of_person(later.campaign_id, "p1_nobody") == []


def test_vouchers_are_found_by_their_business_day_of_issue(store: VoucherStore) -> None:
    # 15:59:59.999 UTC is the last moment of the day in Beijing.
    last = datetime.fromisoformat("2026-01-05T15:59:59.999+00:00")
    on_the_day = stored(a_voucher(issued_at=last))
    next_day = stored(a_voucher(voucher_id=voucher_id("b"), issued_at=last + MOMENT))
    [found] = store.issued_on("spring-2026", date(2026, 1, 5))
    assert (found.voucher_id, found.state, found.reserve_fen) == (voucher_id(), ISSUED, 2_000)
    assert found.valid_until == on_the_day.valid_until
    [other] = store.issued_on("spring-2026", date(2026, 1, 6))
    assert other.voucher_id == next_day.voucher_id
    assert list(store.issued_on("autumn-2026", date(2026, 1, 5))) == []


def test_only_vouchers_ended_by_a_time_are_asked_for(store: VoucherStore) -> None:
    stored(a_voucher())
    day = date(2026, 1, 5)
    for until, found in ((VALID_UNTIL, 1), (VALID_UNTIL - MOMENT, 0)):
        assert len(list(store.issued_on("spring-2026", day, valid_until_at_most=until))) == found


def test_a_voucher_is_filed_under_its_day_and_its_own_segment(
    store: VoucherStore, deployment: Deployment
) -> None:
    assert store is not None
    stored(a_voucher())
    segment = segment_of(voucher_id(), ISSUE_SEGMENTS)
    bucket = issue_bucket("spring-2026", date(2026, 1, 5), segment)
    assert the_item(deployment, "vouchers")["issue_bucket"] == {"S": bucket}
    assert bucket == f"spring-2026#2026-01-05#{segment:02d}"

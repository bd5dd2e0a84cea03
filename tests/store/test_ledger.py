"""Redemptions and refunds: each one transaction, each condition refused, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from functions.shared.domain.campaign import LimitScope
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.fates import Fate
from functions.shared.domain.ledger import Redemption, Refund, day_segment
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.money import FundingParts
from functions.shared.domain.refunds import Redeemed, Refunded
from functions.shared.domain.vouchers import TimelineEntry, Voucher, VoucherEvent, VoucherState
from functions.shared.store.connection import Database
from functions.shared.store.ledger import LedgerStore, RefundPlan, day_bucket, refund_key
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import VoucherStore, item_of
from tests.store.seeds import count, counters_of, put_shard, shard_of, the_item
from tests.support.deployment import Deployment
from tests.support.replies import (
    LOST_AFTER,
    LOST_BEFORE,
    TRANSACTION,
    TRIES,
    Step,
    cancelled,
    failed,
    scripted,
)
from tests.support.vouchers import (
    ISSUED_AT,
    PERSON,
    PHONE,
    REDEMPTION_ID,
    VALID_UNTIL,
    a_redemption,
    a_refund,
    a_voucher,
    voucher_id,
)

MOMENT = timedelta(milliseconds=1)
NOW = ISSUED_AT
ISSUED, HELD, REDEEMED, EXPIRED, VOIDED = VoucherState
DAILY = PersonCounter("merchant:noodles:day:2026-01-05", LimitScope.MERCHANT_PER_DAY, 2)
EVER = PersonCounter("merchant:noodles", LimitScope.MERCHANT, 3)
VISITS = (DAILY, EVER)
TWO_IDENTITIES = a_voucher(identity_refs=(PERSON, PHONE))
RETRIED = {
    "conflict at the entry": cancelled("TransactionConflict", "None"),
    "conflict at the voucher": cancelled("None", "TransactionConflict"),
    "conflict at a person": cancelled("None", "None", "TransactionConflict"),
    "throttled": failed("ThrottlingException"),
    "lost": LOST_BEFORE,
}


class Books:
    """The stores, and a voucher to redeem."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self.database = database
        self.deployment = deployment
        self.ledger = LedgerStore(database)
        self.vouchers = VoucherStore(database)
        put_shard()

    def put(self, voucher: Voucher) -> Voucher:
        """Stores the voucher as it is."""
        item_of(voucher).save()
        return voucher

    def voucher(self) -> Voucher:
        """The voucher as stored."""
        stored = self.vouchers.get(voucher_id())
        assert stored is not None
        return stored

    def redemption(self) -> Redemption:
        """The redemption as stored."""
        stored = self.ledger.redemption(REDEMPTION_ID)
        assert stored is not None
        return stored

    def redeemed(self, voucher: Voucher | None = None) -> Redemption:
        """A redemption made now."""
        self.put(voucher or a_voucher())
        assert self.ledger.commit_redemption(a_redemption(), voucher or a_voucher(), ()) is None
        return self.redemption()


@pytest.fixture
def books(database: Database, deployment: Deployment) -> Books:
    return Books(database, deployment)


# Redemptions


def test_a_redemption_puts_the_entry_uses_the_voucher_and_counts_the_visit(books: Books) -> None:
    books.put(TWO_IDENTITIES)
    assert books.ledger.commit_redemption(a_redemption(), TWO_IDENTITIES, VISITS) is None
    assert books.redemption() == a_redemption()
    used = books.voucher()
    assert (used.state, used.order_no, used.redemption_id) == (REDEEMED, "o-1", REDEMPTION_ID)
    assert (used.slack_fen, used.held_until) == (0, None)
    assert used.timeline[-1] == TimelineEntry(NOW, VoucherEvent.REDEEMED, "o-1")
    for ref in (PERSON, PHONE):
        assert counters_of(books.deployment, ref) == {DAILY.name: 1, EVER.name: 1}


def test_a_redemption_that_costs_less_than_was_reserved_leaves_slack(books: Books) -> None:
    voucher = books.put(a_voucher(reserve_fen=2_500))
    books.ledger.commit_redemption(a_redemption(), voucher, ())
    assert books.voucher().slack_fen == 500
    # The shard knows nothing of it yet: the money is the voucher's until the sweep.
    assert shard_of(books.deployment)["lapsed_fen"] == 0


HELD_UNTIL = NOW + timedelta(minutes=15)
HOLDING = {"state": HELD, "held_until": HELD_UNTIL}


@pytest.mark.parametrize(
    ("changes", "now", "allowed"),
    [
        ({}, NOW, True),
        ({**HOLDING, "order_no": "o-1"}, NOW, True),
        ({**HOLDING, "order_no": "o-2"}, HELD_UNTIL, True),
        ({**HOLDING, "order_no": "o-2"}, HELD_UNTIL - MOMENT, False),
        ({}, VALID_UNTIL - MOMENT, True),
        ({}, VALID_UNTIL, False),
        ({}, ISSUED_AT - MOMENT, False),
        ({"state": REDEEMED}, NOW, False),
        ({"state": EXPIRED}, NOW, False),
        ({"state": VOIDED}, NOW, False),
        ({"platform_id": "meituan"}, NOW, False),
    ],
)
def test_only_a_usable_voucher_of_the_platform_is_redeemed(
    books: Books, changes: dict[str, object], now: datetime, *, allowed: bool
) -> None:
    voucher = books.put(a_voucher(**changes))
    before = books.deployment.snapshot()
    redemption = a_redemption(recorded_at=now)
    if allowed:
        assert books.ledger.commit_redemption(redemption, voucher, ()) is None
        assert books.voucher().state is REDEEMED
        return
    with pytest.raises(Cancelled) as refused:
        books.ledger.commit_redemption(redemption, voucher, ())
    assert refused.value.failed("voucher")
    assert books.deployment.snapshot() == before


def test_a_voucher_that_is_not_there_is_not_made_by_its_redemption(books: Books) -> None:
    before = books.deployment.snapshot()
    with pytest.raises(Cancelled):
        books.ledger.commit_redemption(a_redemption(), a_voucher(), ())
    assert books.deployment.snapshot() == before


def test_an_order_redeems_one_voucher_and_a_repeat_gets_the_stored_entry(books: Books) -> None:
    books.redeemed()
    other = books.put(a_voucher(voucher_id=voucher_id("b")))
    before = books.deployment.snapshot()
    again = a_redemption(voucher_id=other.voucher_id, content_hash="9" * 64)
    assert books.ledger.commit_redemption(again, other, VISITS) == a_redemption()
    assert books.deployment.snapshot() == before


@pytest.mark.parametrize(
    ("ref", "used", "refused"),
    [
        (PERSON, {DAILY.name: 2}, ("MERCHANT_PER_DAY", 2, 2)),
        (PHONE, {DAILY.name: 2}, ("MERCHANT_PER_DAY", 2, 2)),
        (PHONE, {EVER.name: 3}, ("MERCHANT", 3, 3)),
        (PERSON, {DAILY.name: 1, EVER.name: 2}, None),
    ],
)
def test_a_visit_is_counted_at_every_identity_up_to_the_limit(
    books: Books, ref: str, used: dict[str, int], refused: tuple[str, int, int] | None
) -> None:
    books.put(TWO_IDENTITIES)
    count(books.database, ref, **used)
    before = books.deployment.snapshot()
    if refused is None:
        assert books.ledger.commit_redemption(a_redemption(), TWO_IDENTITIES, VISITS) is None
        return
    with pytest.raises(HuiminError) as reached:
        books.ledger.commit_redemption(a_redemption(), TWO_IDENTITIES, VISITS)
    scope, limit, taken = refused
    assert reached.value.code is Code.PERSON_LIMIT_REACHED
    assert reached.value.context == {"scope": scope, "limit": limit, "used": taken}
    assert books.deployment.snapshot() == before


def test_a_used_voucher_is_told_before_a_reached_limit(books: Books) -> None:
    voucher = books.put(a_voucher(state=REDEEMED))
    count(books.database, PERSON, **{DAILY.name: 2})
    with pytest.raises(Cancelled) as refused:
        books.ledger.commit_redemption(a_redemption(), voucher, VISITS)
    assert refused.value.failed("voucher")


@pytest.mark.parametrize("step", RETRIED.values(), ids=RETRIED)
def test_a_redemption_in_contention_is_made_once_or_busy(books: Books, step: Step) -> None:
    voucher = books.put(a_voucher())
    before = books.deployment.snapshot()
    with scripted(books.database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        books.ledger.commit_redemption(a_redemption(), voucher, VISITS)
    assert books.deployment.snapshot() == before
    with scripted(books.database.client, TRANSACTION, step):
        assert books.ledger.commit_redemption(a_redemption(), voucher, VISITS) is None
    assert counters_of(books.deployment, PERSON) == {DAILY.name: 1, EVER.name: 1}


def test_a_redemption_whose_reply_was_lost_is_the_stored_one(books: Books) -> None:
    voucher = books.put(a_voucher())
    with scripted(books.database.client, TRANSACTION, LOST_AFTER):
        assert books.ledger.commit_redemption(a_redemption(), voucher, VISITS) == a_redemption()
    assert counters_of(books.deployment, PERSON) == {DAILY.name: 1, EVER.name: 1}


def test_an_earlier_try_that_is_still_being_written_is_no_used_voucher(books: Books) -> None:
    voucher = books.put(a_voucher())
    step = cancelled("TransactionConflict", "ConditionalCheckFailed")
    with scripted(books.database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        books.ledger.commit_redemption(a_redemption(), voucher, ())


# Refunds

PARTS = FundingParts(fiscal_fen=1_000, platform_fen=0, merchant_fen=0)
HALF = Refunded(
    refunded_fen=4_000,
    voucher_fen=1_000,
    paid_fen=3_000,
    parts=PARTS,
    merchant_discount_fen=0,
    platform_discount_fen=0,
)
WHOLE = Refunded(
    refunded_fen=8_000,
    voucher_fen=2_000,
    paid_fen=6_000,
    parts=FundingParts(fiscal_fen=2_000, platform_fen=0, merchant_fen=0),
    merchant_discount_fen=0,
    platform_discount_fen=0,
)
PART = RefundPlan(a_refund(), HALF, Fate(REDEEMED, 0, 1_000), ())
RESTORING = RefundPlan(
    a_refund(voucher_fen=2_000, paid_fen=6_000, parts=WHOLE.parts, voucher_state=ISSUED),
    WHOLE,
    Fate(ISSUED, 0, 0),
    VISITS,
)


def test_a_part_refund_lapses_its_money_and_leaves_the_voucher_used(books: Books) -> None:
    redemption = books.redeemed()
    assert books.ledger.commit_refund(PART, redemption, books.voucher()) is None
    assert books.ledger.refund(REDEMPTION_ID, "f-1") == PART.refund
    after = books.redemption()
    assert (after.refunded, after.refund_count) == (HALF, 1)
    assert (after.amounts, after.net_parts) == (redemption.amounts, PARTS)
    assert books.voucher().state is REDEEMED
    assert books.voucher().timeline[-1] == TimelineEntry(NOW, VoucherEvent.REFUNDED, "f-1")
    assert shard_of(books.deployment)["lapsed_fen"] == 1_000


def test_a_restored_voucher_takes_its_money_back_and_the_visits_are_given_back(
    books: Books,
) -> None:
    count(books.database, PERSON, **{DAILY.name: 2, EVER.name: 2})
    redemption = books.redeemed()
    assert books.ledger.commit_refund(RESTORING, redemption, books.voucher()) is None
    assert books.voucher().state is ISSUED
    assert books.voucher().timeline[-1] == TimelineEntry(NOW, VoucherEvent.RESTORED, "f-1")
    assert shard_of(books.deployment)["lapsed_fen"] == 0
    assert counters_of(books.deployment, PERSON) == {DAILY.name: 1, EVER.name: 1}


def test_the_slack_goes_where_the_fate_says(books: Books) -> None:
    voucher = books.put(a_voucher(reserve_fen=2_500))
    books.ledger.commit_redemption(a_redemption(), voucher, ())
    plan = replace(PART, fate=Fate(VOIDED, 0, 1_500), refund=a_refund(voucher_state=VOIDED))
    books.ledger.commit_refund(plan, books.redemption(), books.voucher())
    assert (books.voucher().state, books.voucher().slack_fen) == (VOIDED, 0)
    assert shard_of(books.deployment)["lapsed_fen"] == 1_500


def test_the_same_refund_again_gives_the_stored_one(books: Books) -> None:
    redemption = books.redeemed()
    voucher = books.voucher()
    books.ledger.commit_refund(PART, redemption, voucher)
    before = books.deployment.snapshot()
    again = replace(PART, refund=a_refund(content_hash="9" * 64))
    assert books.ledger.commit_refund(again, redemption, voucher) == PART.refund
    assert books.deployment.snapshot() == before


def changed_redemption(redemption: Redemption, voucher: Voucher) -> tuple[Redemption, Voucher]:
    return replace(redemption, refund_count=1), voucher


def changed_total(redemption: Redemption, voucher: Voucher) -> tuple[Redemption, Voucher]:
    return replace(redemption, refunded=HALF), voucher


def changed_slack(redemption: Redemption, voucher: Voucher) -> tuple[Redemption, Voucher]:
    return redemption, replace(voucher, slack_fen=1)


def other_redemption(redemption: Redemption, voucher: Voucher) -> tuple[Redemption, Voucher]:
    return replace(redemption, redemption_id="r_" + "b" * 32), voucher


Read = Callable[[Redemption, Voucher], tuple[Redemption, Voucher]]


@pytest.mark.parametrize(
    ("read", "label"),
    [
        (changed_redemption, "redemption"),
        (changed_total, "redemption"),
        (changed_slack, "voucher"),
        (other_redemption, "voucher"),
    ],
)
def test_a_refund_planned_on_what_has_changed_is_refused(
    books: Books, read: Read, label: str
) -> None:
    """What is reversed follows from the totals that were read: they must still stand."""
    redemption, voucher = read(books.redeemed(), books.voucher())
    before = books.deployment.snapshot()
    with pytest.raises(Cancelled) as refused:
        books.ledger.commit_refund(PART, redemption, voucher)
    assert refused.value.failed(label)
    assert books.deployment.snapshot() == before


@pytest.mark.parametrize("state", [ISSUED, HELD, EXPIRED, VOIDED])
def test_only_a_redeemed_voucher_is_refunded(books: Books, state: VoucherState) -> None:
    redemption = books.redeemed()
    voucher = books.put(replace(books.voucher(), state=state))
    before = books.deployment.snapshot()
    with pytest.raises(Cancelled) as refused:
        books.ledger.commit_refund(PART, redemption, voucher)
    assert refused.value.failed("voucher")
    assert books.deployment.snapshot() == before


def test_a_redemption_that_is_not_there_is_not_made_by_its_refund(books: Books) -> None:
    voucher = books.put(a_voucher(state=REDEEMED, redemption_id=REDEMPTION_ID))
    before = books.deployment.snapshot()
    with pytest.raises(Cancelled):
        books.ledger.commit_refund(PART, a_redemption(), voucher)
    assert books.deployment.snapshot() == before


def test_no_money_lapses_into_a_shard_that_is_not_there(books: Books) -> None:
    """An update would make the item, and its money would be in no pool."""
    redemption = books.redeemed()
    voucher = replace(books.voucher(), shard_id="none")
    before = books.deployment.snapshot()
    with pytest.raises(Cancelled) as refused:
        books.ledger.commit_refund(PART, redemption, voucher)
    assert refused.value.failed("none")
    assert books.deployment.snapshot() == before


@pytest.mark.parametrize(("daily", "ever"), [(1, 0), (0, 1)])
def test_no_counter_falls_below_zero(books: Books, daily: int, ever: int) -> None:
    count(books.database, PERSON, **{DAILY.name: daily, EVER.name: ever})
    redemption = books.redeemed()
    before = books.deployment.snapshot()
    with pytest.raises(Cancelled) as refused:
        books.ledger.commit_refund(RESTORING, redemption, books.voucher())
    assert refused.value.failed("person 0")
    assert books.deployment.snapshot() == before


@pytest.mark.parametrize("step", RETRIED.values(), ids=RETRIED)
def test_a_refund_in_contention_is_made_once_or_busy(books: Books, step: Step) -> None:
    redemption, voucher = books.redeemed(), books.voucher()
    before = books.deployment.snapshot()
    with scripted(books.database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        books.ledger.commit_refund(PART, redemption, voucher)
    assert books.deployment.snapshot() == before
    with scripted(books.database.client, TRANSACTION, step):
        assert books.ledger.commit_refund(PART, redemption, voucher) is None
    assert shard_of(books.deployment)["lapsed_fen"] == 1_000


def test_an_earlier_try_that_is_still_being_written_is_no_change_of_the_redemption(
    books: Books,
) -> None:
    """The redemption counts the refund already, whose entry is not yet readable."""
    redemption, voucher = books.redeemed(), books.voucher()
    step = cancelled("TransactionConflict", "ConditionalCheckFailed", "None", "None")
    with scripted(books.database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        books.ledger.commit_refund(PART, redemption, voucher)


def test_a_refund_whose_reply_was_lost_is_the_stored_one(books: Books) -> None:
    redemption, voucher = books.redeemed(), books.voucher()
    with scripted(books.database.client, TRANSACTION, LOST_AFTER):
        assert books.ledger.commit_refund(PART, redemption, voucher) == PART.refund
    assert shard_of(books.deployment)["lapsed_fen"] == 1_000
    assert books.redemption().refund_count == 1


# Reading


def test_an_entry_is_read_as_it_was_written(books: Books) -> None:
    amounts = Redeemed(
        order_fen=10_000,
        merchant_discount_fen=500,
        platform_discount_fen=700,
        voucher_fen=1_760,
        paid_fen=7_040,
        parts=FundingParts(fiscal_fen=1_056, platform_fen=440, merchant_fen=264),
    )
    full = a_redemption(amounts=amounts, industry="retail", size_class="LARGE")
    voucher = books.put(a_voucher())
    books.ledger.commit_redemption(full, voucher, ())
    assert books.redemption() == full
    after = Refunded(
        refunded_fen=881,
        voucher_fen=177,
        paid_fen=704,
        parts=FundingParts(fiscal_fen=106, platform_fen=44, merchant_fen=27),
        merchant_discount_fen=50,
        platform_discount_fen=70,
    )
    refund = a_refund(
        voucher_fen=177,
        paid_fen=704,
        merchant_discount_fen=50,
        platform_discount_fen=70,
        parts=after.parts,
        redeemed_on=date(2026, 1, 4),
        refund_no="f|1",
    )
    assert (refund.refund_fen, refund.order_fen) == (881, 1_001)
    plan = RefundPlan(refund, after, Fate(REDEEMED, books.voucher().slack_fen, 106), ())
    books.ledger.commit_refund(plan, full, books.voucher())
    assert books.ledger.with_refunds(REDEMPTION_ID) == (
        replace(full, refunded=after, refund_count=1),
        [refund],
    )


def test_what_is_not_there_is_none(books: Books) -> None:
    assert books.ledger.redemption(REDEMPTION_ID) is None
    assert books.ledger.refund(REDEMPTION_ID, "f-1") is None
    assert books.ledger.with_refunds(REDEMPTION_ID) == (None, [])


def refund_at(minutes: int, number: str) -> Refund:
    return a_refund(recorded_at=NOW + timedelta(minutes=minutes), refund_no=number)


def test_refunds_come_in_the_order_of_recording(books: Books) -> None:
    redemption = books.redeemed()
    for number, refund in enumerate([refund_at(2, "a"), refund_at(1, "b"), refund_at(1, "a2")]):
        plan = replace(PART, refund=refund, after=replace(HALF))
        now = replace(
            redemption, refund_count=number, refunded=HALF if number else redemption.refunded
        )
        assert books.ledger.commit_refund(plan, now, books.voucher()) is None
    refunds = books.ledger.with_refunds(REDEMPTION_ID)[1]
    assert [refund.refund_no for refund in refunds] == ["a2", "b", "a"]


def test_entries_are_found_by_campaign_platform_and_business_day(books: Books) -> None:
    redemption = books.redeemed()
    tomorrow = replace(
        PART, refund=a_refund(recorded_at=NOW + timedelta(days=1), business_on=date(2026, 1, 6))
    )
    books.ledger.commit_refund(tomorrow, redemption, books.voucher())
    ledger = books.ledger
    [first] = ledger.of_day("spring-2026", "unionpay", date(2026, 1, 5))
    assert isinstance(first, Redemption)
    assert first.redemption_id == REDEMPTION_ID
    assert list(ledger.of_day("spring-2026", "unionpay", date(2026, 1, 6))) == [tomorrow.refund]
    assert list(ledger.of_day("spring-2026", "meituan", date(2026, 1, 5))) == []
    assert list(ledger.of_day("autumn-2026", "unionpay", date(2026, 1, 5))) == []


def test_an_entry_is_filed_under_its_day_and_its_orders_segment(books: Books) -> None:
    books.redeemed()
    item = the_item(books.deployment, "ledger")
    segment = day_segment("o-1")
    bucket = day_bucket("spring-2026", "unionpay", date(2026, 1, 5), segment)
    assert item["day_bucket"] == {"S": bucket}
    assert item["recorded_key"] == {"S": f"2026-01-05T02:30:00.000Z#{REDEMPTION_ID}#REDEEM"}
    assert refund_key("f-1") == "REFUND#f-1"

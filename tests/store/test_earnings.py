"""Earned vouchers in the store: what the order must be, and that each refund counts once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.shared.domain.earnings import Earning, EarningRefund, plain_order
from functions.shared.domain.errors import Busy
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.orders import Order
from functions.shared.domain.refunds import NOTHING_REFUNDED
from functions.shared.domain.vouchers import VoucherState
from functions.shared.store.claims import ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.earnings import EarningRefundPlan, EarningStore
from functions.shared.store.ledger import LedgerStore, _redemption_item
from functions.shared.store.tables import EarningItem
from functions.shared.store.transaction import Cancelled
from tests.store.seeds import put_shard
from tests.support.campaigns import CAMPAIGN_ID, REDUCTION, ROUND_1, UNIONPAY
from tests.support.deployment import Deployment
from tests.support.replies import TRANSACTION, TRIES, cancelled, scripted
from tests.support.vouchers import ISSUED_AT, REDEMPTION_ID, a_redemption, a_voucher, voucher_id

NO_LIMITS: list[PersonCounter] = []
OTHER = voucher_id("b")
AMOUNTS = plain_order(Order(order_fen=8_000))
EARNING = Earning(
    voucher_id=voucher_id(),
    campaign_id=CAMPAIGN_ID,
    round_id=ROUND_1,
    voucher_type_id=REDUCTION,
    platform_id=UNIONPAY,
    order_no="o-1",
    merchant_id="noodles",
    redemption_id=None,
    amounts=AMOUNTS,
    content_hash="1" * 64,
    recorded_at=ISSUED_AT,
)
REFUND = EarningRefund(
    voucher_id=voucher_id(),
    refund_no="f-1",
    campaign_id=CAMPAIGN_ID,
    platform_id=UNIONPAY,
    refund_fen=100,
    base_left_fen=7_900,
    voucher_state=VoucherState.ISSUED,
    content_hash="2" * 64,
    recorded_at=ISSUED_AT,
)
AFTER = replace(NOTHING_REFUNDED, refunded_fen=100, paid_fen=100)


class Earner:
    """Earns and refunds; looks at what is left."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self.store = EarningStore(database)
        self.ledger = LedgerStore(database)
        self.deployment = deployment
        self._claims = ClaimStore(database)
        put_shard()

    def earn(self, earning: Earning = EARNING, redemption: Redemption | None = None) -> None:
        """One voucher for the order."""
        also = self.store.earning(earning, REDEMPTION_ID, redemption)
        voucher = a_voucher(voucher_id=earning.voucher_id)
        assert self._claims.commit([voucher], NO_LIMITS, also=also).issued

    def redeemed(self, **changes: object) -> Redemption:
        """The order's redemption, put as it is."""
        redemption = a_redemption(**changes)
        item = _redemption_item(redemption)
        item.earned_voucher_id = redemption.earned_voucher_id
        item.save()
        return redemption


@pytest.fixture
def earner(database: Database, deployment: Deployment) -> Earner:
    return Earner(database, deployment)


def test_an_earning_is_read_as_it_was_written(earner: Earner) -> None:
    earner.earn()
    assert earner.store.get(EARNING.voucher_id) == EARNING
    assert earner.store.with_refunds(EARNING.voucher_id) == (EARNING, [])
    assert earner.store.get(OTHER) is None


def test_a_redeemed_order_notes_what_it_earned(earner: Earner) -> None:
    redemption = earner.redeemed()
    by_redeeming = replace(EARNING, redemption_id=REDEMPTION_ID, amounts=None)
    earner.earn(by_redeeming, redemption)
    assert earner.store.get(EARNING.voucher_id) == by_redeeming
    [item] = earner.deployment.items("ledger")
    assert item["earned_voucher_id"] == {"S": EARNING.voucher_id}


def test_an_order_that_was_redeemed_in_between_is_no_plain_order(earner: Earner) -> None:
    earner.redeemed()
    before = earner.deployment.snapshot()
    with pytest.raises(Cancelled) as cancelled:
        earner.earn()
    assert cancelled.value.failed("order")
    assert earner.deployment.snapshot() == before


@pytest.mark.parametrize(
    "changes",
    [{"refund_count": 1}, {"refunded": AFTER}, {"earned_voucher_id": OTHER}],
    ids=["counted", "refunded", "earned by another"],
)
def test_an_order_that_is_not_as_it_was_read_earns_nothing(
    earner: Earner, changes: dict[str, object]
) -> None:
    earner.redeemed(**changes)
    before = earner.deployment.snapshot()
    with pytest.raises(Cancelled) as cancelled:
        earner.earn(replace(EARNING, redemption_id=REDEMPTION_ID), a_redemption())
    assert cancelled.value.failed("order")
    assert earner.deployment.snapshot() == before


def test_an_earning_that_is_there_is_never_written_over(earner: Earner) -> None:
    """The voucher is the guard; should one be without its earning, nothing is lost."""
    EarningItem(
        EARNING.voucher_id,
        "EARN",
        campaign_id="other",
        platform_id=UNIONPAY,
        content_hash="",
        recorded_at=ISSUED_AT,
    ).save()
    before = earner.deployment.snapshot()
    with pytest.raises(Cancelled):
        earner.earn()
    assert earner.deployment.snapshot() == before


def test_a_refund_counts_once_whoever_sends_it_again(earner: Earner) -> None:
    earner.earn()
    plan = EarningRefundPlan(REFUND, EARNING, AFTER, None)
    assert earner.store.commit_refund(plan, ()) is None
    before = earner.deployment.snapshot()
    stored = earner.store.get(EARNING.voucher_id)
    assert stored is not None
    assert (stored.refund_count, stored.refunded) == (1, AFTER)
    again = replace(plan, earning=stored, after=replace(AFTER, refunded_fen=200, paid_fen=200))
    assert earner.store.commit_refund(again, ()) == REFUND
    assert earner.deployment.snapshot() == before


def test_an_earlier_try_that_is_still_being_written_is_no_change_of_the_order(
    earner: Earner, database: Database
) -> None:
    earner.earn()
    step = cancelled("TransactionConflict", "ConditionalCheckFailed")
    with scripted(database.client, TRANSACTION, *[step] * TRIES), pytest.raises(Busy):
        earner.store.commit_refund(EarningRefundPlan(REFUND, EARNING, AFTER, None), ())


@pytest.mark.parametrize(
    "read",
    [replace(EARNING, refund_count=1), replace(EARNING, refunded=AFTER)],
    ids=["counted", "refunded"],
)
def test_a_refund_planned_on_other_totals_than_are_there_is_refused(
    earner: Earner, read: Earning
) -> None:
    earner.earn()
    before = earner.deployment.snapshot()
    with pytest.raises(Cancelled) as cancelled:
        earner.store.commit_refund(EarningRefundPlan(REFUND, read, AFTER, None), ())
    assert cancelled.value.failed("earning")
    assert earner.deployment.snapshot() == before

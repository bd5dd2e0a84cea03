"""POST /v1/redemptions/{id}/refunds: what each policy reverses, to the fen, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import functions.redeem.handler
from functions.redeem.service import REFUND_TRIES
from functions.shared.store.tables import LedgerItem
from tests.handlers.by_hand import set_campaign_state
from tests.handlers.refusals import require_refused
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import CLOSE_1, CLOSE_2, DISCOUNT, MEITUAN, campaign_document
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted

Prepare = Callable[[Deployment, Platform, str], object]
# The last voucher that could be issued ends on the 22nd; six days of refunds follow.
LAST_REFUND = "2026-01-27T23:59:59.999+08:00"
REFUNDS_END = "2026-01-28T00:00:00+08:00"
# Ninety days of late refunds follow.
LAST_LATE_REFUND = "2026-04-27T23:59:59.999+08:00"
LATE_REFUNDS_END = "2026-04-28T00:00:00+08:00"


def redeemed(platform: Platform, **changes: object) -> str:
    """The redemption of the reduction for an order of 80 yuan: voucher 20, paid 60."""
    return platform.redeemed(platform.claimed(**changes))


def money(reply: Reply) -> tuple[int, int]:
    """What goes back to the funders of the voucher, and to the consumer."""
    assert reply.status == 201, reply.text
    return reply.body["voucher_fen"], reply.body["paid_fen"]


def lapsed_fen(deployment: Deployment) -> int:
    """What has lapsed, in all shards."""
    return sum(int(shard["lapsed_fen"]["N"]) for shard in deployment.items("stock"))


def open_with(bureau: Bureau, **changes: object) -> None:
    """A campaign with other refund policies."""
    document = campaign_document(campaign_id="other-2026")
    document["refunds"] |= changes
    bureau.open(document)


# What is given


def test_a_whole_refund_gives_everything_back_and_restores_the_voucher(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = redeemed(unionpay)
    deployment.clock.advance(hours=1)
    reply = unionpay.refund(redemption_id, 8_000)
    assert (reply.status, reply.replayed) == (201, False)
    assert reply.body == {
        "redemption_id": redemption_id,
        "refund_no": "f-1",
        "refunded_at": "2026-01-05T03:30:00.000Z",
        "business_on": "2026-01-05",
        "refund_fen": 8_000,
        "voucher_fen": 2_000,
        "voucher_parts": {"fiscal_fen": 2_000, "platform_fen": 0, "merchant_fen": 0},
        "paid_fen": 6_000,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 0,
        "voucher_state": "ISSUED",
    }
    assert lapsed_fen(deployment) == 0


def test_a_restored_voucher_can_be_used_once_more_and_refunded_once_more(
    unionpay: Platform,
) -> None:
    voucher_id = unionpay.claimed()
    first = unionpay.redeemed(voucher_id, "o-1")
    unionpay.refund(first, 8_000)
    second = unionpay.redeemed(voucher_id, "o-2")
    refused(unionpay.refund(first, 1, "f-2"), 409, "REFUND_EXCEEDS_REDEMPTION")
    assert unionpay.refund(second, 8_000).status == 201
    assert unionpay.voucher(voucher_id).body["state"] == "ISSUED"


@pytest.mark.parametrize(
    ("part", "expected"),
    [("PRO_RATA", (1_000, 4_000)), ("RECLAIM_ALL", (2_000, 3_000)), ("KEEP", (0, 5_000))],
)
def test_each_policy_takes_a_part_refund_from_its_own_purse(
    bureau: Bureau, unionpay: Platform, part: str, expected: tuple[int, int]
) -> None:
    """An order of 100, 20 of it the voucher's: of 50 refunded."""
    open_with(bureau, part=part)
    voucher_id = unionpay.claimed(campaign_id="other-2026")
    redemption_id = unionpay.redeemed(voucher_id, order_fen=10_000)
    reply = unionpay.refund(redemption_id, 5_000)
    assert money(reply) == expected
    assert reply.body["voucher_state"] == "REDEEMED"


@pytest.mark.parametrize("part", ["PRO_RATA", "RECLAIM_ALL", "KEEP"])
def test_part_refunds_of_any_size_close_every_part_to_zero(
    deployment: Deployment, bureau: Bureau, unionpay: Platform, part: str
) -> None:
    open_with(bureau, part=part)
    voucher_id = unionpay.claimed(campaign_id="other-2026", voucher_type_id=DISCOUNT)
    amounts = {"order_fen": 1_999, "merchant_discount_fen": 333, "platform_discount_fen": 333}
    made = unionpay.redeem(voucher_id, **amounts).body
    assert (made["voucher_fen"], made["paid_fen"]) == (266, 1_067)
    steps = [1, 7, 500, 2, 822, 1]
    replies = [
        unionpay.refund(made["redemption_id"], fen, f"f-{number}").body
        for number, fen in enumerate(steps)
    ]
    assert [reply["refund_fen"] for reply in replies] == steps
    for name in ("voucher_fen", "paid_fen", "merchant_discount_fen", "platform_discount_fen"):
        assert sum(reply[name] for reply in replies) == made[name]
    for name, fen in made["voucher_parts"].items():
        assert sum(reply["voucher_parts"][name] for reply in replies) == fen
        assert min(reply["voucher_parts"][name] for reply in replies) >= 0
    # The voucher stays used; its public money has lapsed, and its slack awaits the sweep.
    assert unionpay.voucher(voucher_id).body["state"] == "REDEEMED"
    assert lapsed_fen(deployment) == made["voucher_parts"]["fiscal_fen"]
    left = unionpay.redemption(made["redemption_id"]).body
    assert (left["refundable_fen"], len(left["refunds"])) == (0, len(steps))
    refused(unionpay.refund(made["redemption_id"], 1, "f-9"), 409, "REFUND_EXCEEDS_REDEMPTION")


@pytest.mark.parametrize(
    ("at", "policies", "state", "lapsed"),
    [
        ("2026-01-12T09:59:59.999+08:00", {}, "ISSUED", 0),
        (CLOSE_1, {}, "EXPIRED", 2_000),
        (CLOSE_1, {"whole_expired": "VOID"}, "VOIDED", 2_000),
        (CLOSE_1, {"whole_valid": "VOID"}, "EXPIRED", 2_000),
        ("2026-01-06T10:00:00+08:00", {"whole_valid": "VOID"}, "VOIDED", 2_000),
    ],
)
def test_what_a_whole_refund_makes_of_the_voucher_follows_policy_and_time(
    deployment: Deployment,
    bureau: Bureau,
    unionpay: Platform,
    at: str,
    policies: dict[str, object],
    state: str,
    lapsed: int,
) -> None:
    open_with(bureau, **policies)
    redemption_id = redeemed(unionpay, campaign_id="other-2026")
    deployment.clock.move_to(at)
    assert unionpay.refund(redemption_id, 8_000).body["voucher_state"] == state
    assert lapsed_fen(deployment) == lapsed


def test_a_voucher_that_ends_gives_up_what_its_order_did_not_use(
    deployment: Deployment, unionpay: Platform
) -> None:
    """1,800 fen were reserved, the order cost the budget 120: all 1,800 lapse."""
    voucher_id = unionpay.claimed(voucher_type_id=DISCOUNT)
    redemption_id = unionpay.redeemed(voucher_id, order_fen=1_001)
    deployment.clock.move_to(CLOSE_1)
    assert unionpay.refund(redemption_id, 1_001).body["voucher_state"] == "EXPIRED"
    assert lapsed_fen(deployment) == 1_800


def test_two_part_refunds_that_make_a_whole_do_not_restore(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    redemption_id = unionpay.redeemed(voucher_id)
    for number in range(2):
        reply = unionpay.refund(redemption_id, 4_000, f"f-{number}")
        assert reply.body["voucher_state"] == "REDEEMED"
    assert unionpay.voucher(voucher_id).body["state"] == "REDEEMED"
    assert lapsed_fen(deployment) == 2_000


def test_refunds_go_on_while_the_campaign_is_paused_and_after_the_round(
    deployment: Deployment, unionpay: Platform, bureau: Bureau
) -> None:
    redemption_id = redeemed(unionpay)
    bureau.pause()
    deployment.clock.move_to(CLOSE_2)
    assert unionpay.refund(redemption_id, 1).status == 201


def test_a_refund_belongs_to_the_day_it_was_made(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = redeemed(unionpay)
    deployment.clock.move_to("2026-01-09T00:00:00+08:00")
    assert unionpay.refund(redemption_id, 1).body["business_on"] == "2026-01-09"
    shown = unionpay.redemption(redemption_id).body
    assert shown["business_on"] == "2026-01-05"
    assert [refund["business_on"] for refund in shown["refunds"]] == ["2026-01-09"]


# Idempotency


def at_once(_: Deployment, __: Platform, ___: str) -> object:
    return None


def month_later(deployment: Deployment, _: Platform, __: str) -> object:
    return deployment.clock.advance(days=31)


def refunded_more(_: Deployment, platform: Platform, redemption_id: str) -> object:
    return platform.refund(redemption_id, 4_000, "f-2")


def closed(deployment: Deployment, _: Platform, __: str) -> object:
    set_campaign_state("CLOSED")
    return deployment.clock.move_to(REFUNDS_END)


@pytest.mark.parametrize("refund_fen", [4_000, 8_000])
@pytest.mark.parametrize("afterwards", [at_once, month_later, refunded_more, closed])
def test_the_same_refund_has_the_first_answer_for_ever(
    deployment: Deployment, unionpay: Platform, afterwards: Prepare, refund_fen: int
) -> None:
    redemption_id = redeemed(unionpay)
    first = unionpay.refund(redemption_id, refund_fen)
    afterwards(deployment, unionpay, redemption_id)
    deployment.forget_reads()
    before = deployment.snapshot()
    again = unionpay.refund(redemption_id, refund_fen)
    assert (again.status, again.replayed, again.text) == (200, True, first.text)
    assert deployment.snapshot() == before


def test_a_refund_of_a_voucher_that_was_used_again_has_its_first_answer(
    unionpay: Platform,
) -> None:
    voucher_id = unionpay.claimed()
    redemption_id = unionpay.redeemed(voucher_id, "o-1")
    first = unionpay.refund(redemption_id, 8_000)
    unionpay.redeemed(voucher_id, "o-2")
    again = unionpay.refund(redemption_id, 8_000)
    assert (again.status, again.text) == (200, first.text)


@pytest.mark.parametrize("refund_fen", [3_999, 4_001, 4_000_000])
def test_the_same_number_with_another_amount_is_refused(
    deployment: Deployment, unionpay: Platform, refund_fen: int
) -> None:
    redemption_id = redeemed(unionpay)
    unionpay.refund(redemption_id, 4_000)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).refund(redemption_id, refund_fen),
        422,
        "KEY_REUSED",
        {"number": "f-1"},
    )


def test_a_refund_number_is_each_orders_own(unionpay: Platform) -> None:
    one = unionpay.redeemed(unionpay.claimed(1, "q-1"), "o-1")
    other = unionpay.redeemed(unionpay.claimed(2, "q-2"), "o-2")
    assert unionpay.refund(one, 1, "f-1").status == 201
    assert unionpay.refund(other, 2, "f-1").status == 201


# Refusals


@pytest.mark.parametrize(("already_fen", "refund_fen"), [(0, 8_001), (4_000, 4_001), (8_000, 1)])
def test_no_more_is_refunded_than_was_redeemed(
    deployment: Deployment, unionpay: Platform, already_fen: int, refund_fen: int
) -> None:
    redemption_id = redeemed(unionpay)
    if already_fen:
        unionpay.refund(redemption_id, already_fen, "f-0")
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).refund(redemption_id, refund_fen),
        409,
        "REFUND_EXCEEDS_REDEMPTION",
        {"refund_fen": refund_fen, "refundable_fen": 8_000, "refunded_fen": already_fen},
    )


def test_refunds_are_taken_to_the_last_moment_of_the_window(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = redeemed(unionpay)
    deployment.clock.move_to(LAST_REFUND)
    assert unionpay.refund(redemption_id, 1, "f-0").status == 201
    deployment.clock.move_to(REFUNDS_END)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).refund(redemption_id, 1),
        409,
        "CAMPAIGN_CLOSING",
        {"closed_on": "2026-01-28"},
    )


def test_a_closed_campaign_takes_late_refunds_for_a_time(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = redeemed(unionpay)
    set_campaign_state("CLOSED")
    deployment.clock.move_to(LAST_LATE_REFUND)
    late = unionpay.refund(redemption_id, 4_000, "f-1")
    assert (late.status, late.body["voucher_fen"]) == (201, 1_000), late.text
    deployment.clock.move_to(LATE_REFUNDS_END)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).refund(redemption_id, 1, "f-2"),
        409,
        "REFUND_WINDOW_CLOSED",
        {"closed_on": "2026-04-28"},
    )
    assert unionpay.refund(redemption_id, 4_000, "f-1").body == late.body


def test_another_platforms_or_no_redemption_is_not_found(
    deployment: Deployment, unionpay: Platform
) -> None:
    for redemption_id in (redeemed(unionpay), "r_" + "a" * 32):

        def refund(language: str, redemption_id: str = redemption_id) -> Reply:
            return Platform(deployment, MEITUAN, language).refund(redemption_id, 1)

        def read(language: str, redemption_id: str = redemption_id) -> Reply:
            return Platform(deployment, MEITUAN, language).redemption(redemption_id)

        require_refused(deployment, refund, 404, "NOT_FOUND")
        require_refused(deployment, read, 404, "NOT_FOUND")


# Refunds that meet


def meddling(during: Callable[[], object]) -> Any:  # noqa: ANN401 - botocore clients have no static type
    """Has something happen between what the next transaction read and its writing."""
    client = functions.redeem.handler._database().client
    event = f"before-call.dynamodb.{TRANSACTION}"

    def meddle(**_: object) -> None:
        client.meta.events.unregister(event, meddle)
        during()

    client.meta.events.register(event, meddle)
    return client


@pytest.mark.parametrize(("second_fen", "status"), [(4_000, 201), (4_001, 409)])
def test_a_refund_that_meets_another_is_planned_anew(
    deployment: Deployment, unionpay: Platform, second_fen: int, status: int
) -> None:
    """Two refunds read the same totals: the later one sees the earlier, and fits or is refused."""
    redemption_id = redeemed(unionpay)
    unionpay.redemption(redemption_id)
    meddling(lambda: Platform(deployment).refund(redemption_id, 4_000, "f-first"))
    reply = unionpay.refund(redemption_id, second_fen, "f-second")
    assert reply.status == status
    shown = unionpay.redemption(redemption_id).body
    refunded_fen = sum(refund["refund_fen"] for refund in shown["refunds"])
    assert refunded_fen == 8_000 - shown["refundable_fen"] == (8_000 if status == 201 else 4_000)


def test_the_same_refund_sent_twice_at_once_is_made_once(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = redeemed(unionpay)
    unionpay.redemption(redemption_id)
    first: list[Reply] = []
    meddling(lambda: first.append(Platform(deployment).refund(redemption_id, 8_000)))
    again = unionpay.refund(redemption_id, 8_000)
    assert (again.status, again.replayed, again.text) == (200, True, first[0].text)
    assert len(deployment.items("ledger")) == 2


def test_refunds_that_meet_again_and_again_are_busy(
    deployment: Deployment, unionpay: Platform
) -> None:
    redemption_id = redeemed(unionpay)
    unionpay.redemption(redemption_id)
    before = deployment.snapshot()
    client = functions.redeem.handler._database().client
    met = cancelled("None", "ConditionalCheckFailed", "None", "None")
    with scripted(client, TRANSACTION, *[met] * REFUND_TRIES):
        refused(unionpay.refund(redemption_id, 4_000), 503, "BUSY")
    assert deployment.snapshot() == before


def test_a_refund_whose_reply_was_lost_is_found(unionpay: Platform) -> None:
    redemption_id = redeemed(unionpay)
    unionpay.redemption(redemption_id)
    client = functions.redeem.handler._database().client
    with scripted(client, TRANSACTION, *[LOST_AFTER] * TRIES):
        refused(unionpay.refund(redemption_id, 4_000), 503, "BUSY")
    again = unionpay.refund(redemption_id, 4_000)
    assert (again.status, again.replayed) == (200, True)


def test_a_refund_that_met_the_sweep_takes_what_is_left(
    deployment: Deployment, unionpay: Platform
) -> None:
    """The slack was set free in between: it must not lapse twice."""
    voucher_id = unionpay.claimed(voucher_type_id=DISCOUNT)
    redemption_id = unionpay.redeemed(voucher_id, order_fen=1_001)
    deployment.clock.move_to(CLOSE_1)
    unionpay.redemption(redemption_id)

    def sweep() -> None:
        service: Any = functions.redeem.handler._service()
        store = service._stores.vouchers
        voucher = store.get(voucher_id)
        assert store.expire(voucher.shard_id, [voucher], now=deployment.clock.now) == 1

    meddling(sweep)
    assert unionpay.refund(redemption_id, 1_001).body["voucher_state"] == "EXPIRED"
    assert lapsed_fen(deployment) == 1_800


def test_entries_of_the_ledger_never_change_but_for_the_refunded_totals(
    unionpay: Platform,
) -> None:
    redemption_id = redeemed(unionpay)
    made = LedgerItem.get(redemption_id, "REDEEM").attribute_values
    unionpay.refund(redemption_id, 4_000)
    after = LedgerItem.get(redemption_id, "REDEEM").attribute_values
    changed = {name for name in after if after[name] != made[name]}
    assert changed == {
        "refund_count",
        "refunded_fen",
        "refunded_voucher_fen",
        "refunded_paid_fen",
        "refunded_fiscal_part_fen",
    }

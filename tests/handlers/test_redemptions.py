"""POST /v1/redemptions: priced to the fen, once for an order, and every refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import functions.redeem.handler
from tests.handlers.by_hand import end_voucher, set_campaign_state
from tests.handlers.refusals import require_refused
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import (
    CLOSE_1,
    DISCOUNT,
    MEITUAN,
    TICKET,
    UNIONPAY,
    campaign_document,
    funding,
)
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused
from tests.support.replies import LOST_AFTER, TRANSACTION, TRIES, cancelled, scripted

Prepare = Callable[[Deployment, Platform, str], object]
Members = dict[str, object]


def order(order_fen: int, merchant_fen: int = 0, platform_fen: int = 0) -> Members:
    """The amounts that a platform sends."""
    return {
        "order_fen": order_fen,
        "merchant_discount_fen": merchant_fen,
        "platform_discount_fen": platform_fen,
    }


# What is given


def test_a_redemption_prices_the_order_and_uses_the_voucher(unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    reply = unionpay.redeem(voucher_id)
    assert (reply.status, reply.replayed) == (201, False)
    body = reply.body
    redemption_id = body.pop("redemption_id")
    assert redemption_id.startswith("r_")
    assert body == {
        "order_no": "o-1",
        "voucher_id": voucher_id,
        "merchant_id": "noodles",
        "redeemed_at": "2026-01-05T02:30:00.000Z",
        "business_on": "2026-01-05",
        **order(8_000),
        "voucher_fen": 2_000,
        "voucher_parts": {"fiscal_fen": 2_000, "platform_fen": 0, "merchant_fen": 0},
        "paid_fen": 6_000,
    }
    voucher = unionpay.voucher(voucher_id).body
    assert (voucher["state"], voucher["order_no"]) == ("REDEEMED", "o-1")


@pytest.mark.parametrize(
    ("amounts", "voucher_fen", "parts", "paid_fen"),
    [
        # 20 % of what is left after both discounts, split 60 : 25 : 15.
        (order(10_000, 500, 700), 1_760, (1_056, 440, 264), 7_040),
        # 20 % of 1,001 is 200.2: floored to the fen.
        (order(1_001), 200, (120, 50, 30), 801),
        # At most 3,000 fen.
        (order(15_000), 3_000, (1_800, 750, 450), 12_000),
        (order(99_999), 3_000, (1_800, 750, 450), 96_999),
        # 121.8, 50.75 and 30.45: the two greatest remainders get the two fen that are left.
        (order(1_015), 203, (122, 51, 30), 812),
        # Exactly at the threshold, after the discounts.
        (order(1_500, 300, 200), 200, (120, 50, 30), 800),
    ],
)
def test_a_discount_is_split_to_the_fen_and_the_sum_closes(
    unionpay: Platform,
    amounts: Members,
    voucher_fen: int,
    parts: tuple[int, int, int],
    paid_fen: int,
) -> None:
    body = unionpay.redeem(unionpay.claimed(voucher_type_id=DISCOUNT), **amounts).body
    assert (body["voucher_fen"], body["paid_fen"]) == (voucher_fen, paid_fen)
    assert tuple(body["voucher_parts"].values()) == parts
    assert sum(parts) == voucher_fen
    discounts_fen = body["merchant_discount_fen"] + body["platform_discount_fen"]
    assert discounts_fen + voucher_fen + paid_fen == amounts["order_fen"]


@pytest.mark.parametrize(
    ("amounts", "voucher_fen", "paid_fen"),
    [(order(6_000), 3_000, 3_000), (order(5_999), 2_999, 3_000), (order(2, 1), 1, 0)],
)
def test_a_ticket_takes_at_most_its_share_of_the_order(
    deployment: Deployment,
    unionpay: Platform,
    amounts: Members,
    voucher_fen: int,
    paid_fen: int,
) -> None:
    voucher_id = unionpay.claimed(voucher_type_id=TICKET)
    deployment.clock.move_to("2026-01-07T00:00:00+08:00")
    body = unionpay.redeem(voucher_id, **amounts).body
    assert (body["voucher_fen"], body["paid_fen"]) == (voucher_fen, paid_fen)


def test_a_voucher_may_cover_all_that_is_left_to_pay(unionpay: Platform) -> None:
    body = unionpay.redeem(unionpay.claimed(), **order(5_000, 1_000, 2_000)).body
    assert (body["voucher_fen"], body["paid_fen"]) == (2_000, 0)


def test_the_order_that_holds_redeems(unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    unionpay.hold(voucher_id, "o-1")
    assert unionpay.redeem(voucher_id, "o-1").status == 201


def test_a_lapsed_hold_is_in_nobodys_way(deployment: Deployment, unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    unionpay.hold(voucher_id, "o-9")
    deployment.clock.advance(minutes=15)
    assert unionpay.redeem(voucher_id, "o-1").status == 201


@pytest.mark.parametrize(
    ("at", "business_on"),
    [
        ("2026-01-05T23:59:59.999+08:00", "2026-01-05"),
        ("2026-01-06T00:00:00+08:00", "2026-01-06"),
    ],
)
def test_the_business_day_is_beijings(
    deployment: Deployment, unionpay: Platform, at: str, business_on: str
) -> None:
    voucher_id = unionpay.claimed()
    deployment.clock.move_to(at)
    assert unionpay.redeem(voucher_id).body["business_on"] == business_on


def test_a_redemption_is_shown_as_it_was_made_with_what_is_left_to_refund(
    unionpay: Platform,
) -> None:
    made = unionpay.redeem(unionpay.claimed()).body
    shown = unionpay.redemption(made["redemption_id"])
    assert shown.status == 200
    assert shown.body == made | {"refundable_fen": 8_000, "refunds": []}


# Merchants


def test_a_merchants_change_of_tomorrow_does_not_count_today(
    deployment: Deployment, unionpay: Platform, bureau: Bureau
) -> None:
    """`noodles` closes on the 6th; `soon` joins on the 6th."""
    assert bureau.put_merchant("noodles", effective_on="2026-01-06", active=False).status == 201
    first, second = unionpay.claimed(), unionpay.claimed(1, "q-2")
    refused(unionpay.redeem(first, merchant_id="soon"), 422, "MERCHANT_NOT_IN_CAMPAIGN")
    deployment.clock.move_to("2026-01-05T23:59:59.999+08:00")
    assert unionpay.redeem(first).status == 201
    deployment.clock.move_to("2026-01-06T00:00:00+08:00")
    refused(unionpay.redeem(second, "o-2"), 422, "MERCHANT_NOT_IN_CAMPAIGN")
    assert unionpay.redeem(second, "o-2", merchant_id="soon").status == 201


@pytest.mark.parametrize("merchant_id", ["books", "gone", "soon", "nobody"])
def test_only_an_active_merchant_of_the_campaigns_industry_takes_part(
    deployment: Deployment, unionpay: Platform, merchant_id: str
) -> None:
    voucher_id = unionpay.claimed()
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(
            voucher_id, merchant_id=merchant_id
        ),
        422,
        "MERCHANT_NOT_IN_CAMPAIGN",
        {"merchant_id": merchant_id},
    )


# Idempotency


def nothing(_: Deployment, __: Platform, ___: str) -> object:
    return None


def month_later(deployment: Deployment, _: Platform, __: str) -> object:
    return deployment.clock.advance(days=31)


def refunded(_: Deployment, platform: Platform, redemption_id: str) -> object:
    return platform.refund(redemption_id, 8_000)


def part_refunded(_: Deployment, platform: Platform, redemption_id: str) -> object:
    return platform.refund(redemption_id, 1)


def paused(deployment: Deployment, _: Platform, __: str) -> object:
    Bureau(deployment).pause()
    return deployment.clock.advance(seconds=3)


def closed(deployment: Deployment, _: Platform, __: str) -> object:
    set_campaign_state("CLOSED")
    return deployment.clock.advance(seconds=3)


def merchant_gone(deployment: Deployment, _: Platform, __: str) -> object:
    Bureau(deployment).put_merchant("noodles", effective_on="2026-01-06", active=False)
    return deployment.clock.advance(days=1)


AFTERWARDS: list[tuple[str, Prepare]] = [
    ("at once", nothing),
    ("a month", month_later),
    ("refunded whole", refunded),
    ("refunded in part", part_refunded),
    ("paused", paused),
    ("closed", closed),
    ("merchant gone", merchant_gone),
]


@pytest.mark.parametrize(
    "afterwards", [case[1] for case in AFTERWARDS], ids=[case[0] for case in AFTERWARDS]
)
def test_the_same_redemption_has_the_first_answer_for_ever(
    deployment: Deployment, unionpay: Platform, afterwards: Prepare
) -> None:
    voucher_id = unionpay.claimed()
    first = unionpay.redeem(voucher_id)
    afterwards(deployment, unionpay, first.body["redemption_id"])
    deployment.forget_reads()
    before = deployment.snapshot()
    again = unionpay.redeem(voucher_id)
    assert (again.status, again.replayed, again.text) == (200, True, first.text)
    assert deployment.snapshot() == before


OTHER_CONTENT: list[dict[str, object]] = [
    {"order_fen": 8_001},
    {"merchant_discount_fen": 1},
    {"platform_discount_fen": 1},
    {"merchant_id": "dumplings"},
    {"order_fen": 1},  # also refused by the rules: the number is looked at first
    {"merchant_id": "nobody"},
]


@pytest.mark.parametrize("content", OTHER_CONTENT, ids=str)
@pytest.mark.parametrize("is_restored", [False, True], ids=["used", "restored"])
def test_the_same_order_with_other_content_is_refused(
    deployment: Deployment, unionpay: Platform, content: dict[str, object], *, is_restored: bool
) -> None:
    voucher_id = unionpay.claimed()
    redemption_id = unionpay.redeemed(voucher_id)
    if is_restored:
        unionpay.refund(redemption_id, 8_000)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(voucher_id, **content),
        422,
        "KEY_REUSED",
        {"number": "o-1"},
    )


def test_an_order_takes_one_voucher(deployment: Deployment, unionpay: Platform) -> None:
    first, second = unionpay.claimed(), unionpay.claimed(1, "q-2")
    unionpay.redeemed(first)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(second),
        409,
        "ORDER_ALREADY_USED",
        {"order_no": "o-1"},
    )


def test_an_order_number_is_each_platforms_own(unionpay: Platform, meituan: Platform) -> None:
    one = unionpay.redeemed(unionpay.claimed(1))
    other = meituan.redeemed(meituan.claimed(2))
    assert one != other


# Refusals


def held(_: Deployment, platform: Platform, voucher_id: str) -> object:
    return platform.hold(voucher_id, "o-9")


def used(_: Deployment, platform: Platform, voucher_id: str) -> object:
    return platform.redeemed(voucher_id, "o-9")


def expired(deployment: Deployment, _: Platform, __: str) -> object:
    return deployment.clock.move_to(CLOSE_1)


def state(name: str) -> Prepare:
    def prepare(_: Deployment, __: Platform, voucher_id: str) -> None:
        end_voucher(voucher_id, name)

    return prepare


UNTIL: Members = {"valid_until": "2026-01-12T02:00:00.000Z"}
BELOW: Members = {"base_fen": 4_999, "threshold_fen": 5_000, "threshold_base": "ORDER"}
REFUSED: list[tuple[str, Prepare, Members, int, str, Members]] = [
    ("expired", expired, {}, 409, "VOUCHER_EXPIRED", UNTIL),
    ("written as expired", state("EXPIRED"), {}, 409, "VOUCHER_EXPIRED", UNTIL),
    ("held for another order", held, {}, 409, "VOUCHER_HELD",
     {"held_until": "2026-01-05T02:45:00.000Z"}),
    ("used by another order", used, {}, 409, "VOUCHER_NOT_REDEEMABLE", {"state": "REDEEMED"}),
    ("voided", state("VOIDED"), {}, 409, "VOUCHER_NOT_REDEEMABLE", {"state": "VOIDED"}),
    ("paused", paused, {}, 409, "CAMPAIGN_PAUSED", {}),
    ("closed", closed, {}, 409, "CAMPAIGN_NOT_RUNNING", {"state": "CLOSED"}),
    ("a fen below the threshold", nothing, order(4_999), 422, "BELOW_THRESHOLD", BELOW),
    ("discounts beyond the order", nothing, order(8_000, 5_000, 3_001), 422,
     "ORDER_AMOUNTS_INVALID", order(8_000, 5_000, 3_001)),
    ("a fen less to pay than the voucher", nothing, order(8_000, 6_001), 422,
     "ORDER_AMOUNTS_INVALID", order(8_000, 6_001) | {"voucher_fen": 2_000}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("prepare", "changes", "status", "code", "members"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_a_redemption_that_the_rules_forbid_is_refused(
    deployment: Deployment,
    unionpay: Platform,
    prepare: Prepare,
    changes: Members,
    status: int,
    code: str,
    members: Members,
) -> None:
    voucher_id = unionpay.claimed()
    prepare(deployment, unionpay, voucher_id)

    def send(language: str) -> Reply:
        return Platform(deployment, language=language).redeem(voucher_id, **changes)

    require_refused(deployment, send, status, code, members)


def test_a_threshold_is_compared_with_the_base_the_campaign_names(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed(voucher_type_id=DISCOUNT)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(
            voucher_id, **order(1_500, 300, 201)
        ),
        422,
        "BELOW_THRESHOLD",
        {"base_fen": 999, "threshold_fen": 1_000, "threshold_base": "AFTER_DISCOUNTS"},
    )


def test_a_voucher_worth_less_than_a_fen_is_not_used_up(
    deployment: Deployment, unionpay: Platform
) -> None:
    """Half of an order of one fen is nothing."""
    voucher_id = unionpay.claimed(voucher_type_id=TICKET)
    deployment.clock.move_to("2026-01-07T00:00:00+08:00")
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(voucher_id, **order(1)),
        422,
        "ORDER_AMOUNTS_INVALID",
        order(1) | {"voucher_fen": 0},
    )


def test_a_ticket_is_not_redeemed_before_its_window(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed(voucher_type_id=TICKET)
    deployment.clock.move_to("2026-01-06T23:59:59.999+08:00")
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(voucher_id),
        409,
        "VOUCHER_NOT_YET_VALID",
        {"valid_from": "2026-01-06T16:00:00.000Z"},
    )


def test_a_persons_visits_to_a_merchant_are_counted_over_both_platforms(
    deployment: Deployment, bureau: Bureau, unionpay: Platform, meituan: Platform
) -> None:
    bureau.open(campaign_document(campaign_id="more-2026"))
    first = unionpay.claimed(0, "q-1", voucher_type_id=DISCOUNT)
    second = meituan.claimed(0, "q-1")
    third = unionpay.claimed(0, "q-3", voucher_type_id=TICKET)
    elsewhere = unionpay.claimed(0, "q-4", campaign_id="more-2026")
    deployment.clock.move_to("2026-01-07T00:00:00+08:00")
    unionpay.redeemed(first, "o-1")
    meituan.redeemed(second, "o-1")
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).redeem(third, "o-3"),
        409,
        "PERSON_LIMIT_REACHED",
        {"scope": "MERCHANT_PER_DAY", "limit": 2, "used": 2},
    )
    # Another campaign, another merchant and another day have counters of their own.
    assert unionpay.redeem(elsewhere, "o-4").status == 201
    assert unionpay.redeem(third, "o-3", merchant_id="dumplings").status == 201


def test_a_visit_that_was_refunded_whole_counts_no_more(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    for number in range(5):
        redemption_id = unionpay.redeemed(voucher_id, f"o-{number}")
        assert unionpay.refund(redemption_id, 8_000, f"f-{number}").status == 201
    [person] = deployment.items("people")
    assert person["merchant:noodles:day:2026-01-05"] == {"N": "0"}


# Contention


def test_contention_that_lasts_is_busy_and_a_lost_reply_is_found(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    unionpay.voucher(voucher_id)
    client = functions.redeem.handler._database().client
    before = deployment.snapshot()
    conflict = cancelled("TransactionConflict", "TransactionConflict", "None")
    with scripted(client, TRANSACTION, *[conflict] * TRIES):
        reply = unionpay.redeem(voucher_id)
    assert refused(reply, 503, "BUSY")["retryable"] is True
    assert deployment.snapshot() == before
    with scripted(client, TRANSACTION, *[LOST_AFTER] * TRIES):
        refused(unionpay.redeem(voucher_id), 503, "BUSY")
    again = unionpay.redeem(voucher_id)
    assert (again.status, again.replayed) == (200, True)


def test_a_voucher_that_another_order_took_meanwhile_says_so(
    deployment: Deployment, unionpay: Platform
) -> None:
    """Read as free, redeemed by another order before the transaction: the new state is told."""
    voucher_id = unionpay.claimed()
    unionpay.voucher(voucher_id)
    client = functions.redeem.handler._database().client
    event = f"before-call.dynamodb.{TRANSACTION}"

    def meddle(**_: object) -> None:
        client.meta.events.unregister(event, meddle)
        used(deployment, Platform(deployment), voucher_id)

    client.meta.events.register(event, meddle)
    document = refused(unionpay.redeem(voucher_id), 409, "VOUCHER_NOT_REDEEMABLE")
    assert document["state"] == "REDEEMED"
    assert len(deployment.items("ledger")) == 1


# Money that others fund


def test_a_voucher_that_costs_the_budget_nothing_is_redeemed_too(
    bureau: Bureau, unionpay: Platform
) -> None:
    document = campaign_document(campaign_id="theirs-2026")
    for voucher_type in document["voucher_types"]:
        voucher_type["funding"] = funding(0, 4_000, 6_000)
    bureau.open(document)
    body = unionpay.redeem(unionpay.claimed(campaign_id="theirs-2026")).body
    assert tuple(body["voucher_parts"].values()) == (0, 800, 1_200)
    assert bureau.get_campaign("theirs-2026").body["funds"]["unallocated_fen"] == 1_000_000


@pytest.mark.parametrize("platform_id", [UNIONPAY, MEITUAN])
def test_another_platforms_or_no_voucher_is_not_found(
    deployment: Deployment, platform_id: str
) -> None:
    other = MEITUAN if platform_id == UNIONPAY else UNIONPAY
    voucher_id = Platform(deployment, other).claimed()
    for unknown in (voucher_id, "v_" + "a" * 32):

        def send(language: str, unknown: str = unknown) -> Reply:
            return Platform(deployment, platform_id, language).redeem(unknown)

        require_refused(deployment, send, 404, "NOT_FOUND")

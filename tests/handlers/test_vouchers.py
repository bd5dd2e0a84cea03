"""Vouchers looked up, searched, held and released: what is given, and every refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import functions.redeem.handler
from functions.shared.domain.vouchers import TIMELINE_LIMIT
from functions.shared.store.tables import VoucherItem
from infra.local.people import make_person
from tests.handlers.by_hand import end_voucher, set_campaign_state
from tests.handlers.refusals import require_refused
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import (
    CAMPAIGN_ID,
    CLOSE_1,
    DISCOUNT,
    MEITUAN,
    REDUCTION,
    ROUND_2,
    TICKET,
    campaign_document,
)
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused
from tests.support.replies import TRANSACTION, TRIES, cancelled, scripted

Prepare = Callable[[Deployment, Platform, str], object]


# Look-ups


def test_a_voucher_is_shown_with_its_whole_timeline(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    deployment.clock.advance(minutes=1)
    unionpay.hold(voucher_id, "o-1")
    deployment.clock.advance(minutes=1)
    redemption_id = unionpay.redeemed(voucher_id, "o-1")
    deployment.clock.advance(minutes=1)
    unionpay.refund(redemption_id, 8_000)
    body = unionpay.voucher(voucher_id).body
    assert body == {
        "voucher_id": voucher_id,
        "campaign_id": CAMPAIGN_ID,
        "round_id": "r1",
        "voucher_type_id": REDUCTION,
        "request_no": "q-1",
        "state": "ISSUED",
        "issued_at": "2026-01-05T02:30:00.000Z",
        "valid_from": "2026-01-05T02:30:00.000Z",
        "valid_until": "2026-01-12T02:00:00.000Z",
        "order_no": None,
        "held_until": None,
        "last_refusal": None,
        "timeline": [
            {"at": "2026-01-05T02:30:00.000Z", "event": "CLAIMED", "reference": "q-1"},
            {"at": "2026-01-05T02:31:00.000Z", "event": "HELD", "reference": "o-1"},
            {"at": "2026-01-05T02:32:00.000Z", "event": "REDEEMED", "reference": "o-1"},
            {"at": "2026-01-05T02:33:00.000Z", "event": "RESTORED", "reference": "f-1"},
        ],
    }


@pytest.mark.parametrize(
    ("at", "state"), [("2026-01-12T09:59:59.999+08:00", "ISSUED"), (CLOSE_1, "EXPIRED")]
)
def test_a_voucher_has_the_state_that_counts_now(
    deployment: Deployment, unionpay: Platform, at: str, state: str
) -> None:
    voucher_id = unionpay.claimed()
    deployment.clock.move_to(at)
    assert unionpay.voucher(voucher_id).body["state"] == state


def test_a_look_up_changes_nothing(deployment: Deployment, unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    before = deployment.snapshot()
    unionpay.voucher(voucher_id)
    unionpay.search()
    assert deployment.snapshot() == before


# Searches


def ids(reply: Reply) -> list[str]:
    return [voucher["voucher_id"] for voucher in reply.body["vouchers"]]


def test_a_person_is_found_by_the_number_in_any_spelling(
    deployment: Deployment, unionpay: Platform
) -> None:
    first = unionpay.claimed()
    deployment.clock.advance(minutes=1)
    second = unionpay.claimed(0, "q-2", voucher_type_id=DISCOUNT)
    unionpay.claimed(1, "q-3")
    reply = unionpay.search()
    assert (reply.status, ids(reply)) == (200, [first, second])
    assert reply.body["next_cursor"] is None
    number = make_person(0).identity_number
    spaced = {"identity_number": f"{number[:6]} {number[6:]}"}
    assert ids(unionpay.search(person=spaced)) == [first, second]
    assert ids(unionpay.search(2)) == []


def test_pages_lead_on_to_every_voucher_once(deployment: Deployment, unionpay: Platform) -> None:
    claimed = []
    for number, kind in enumerate((REDUCTION, DISCOUNT, TICKET)):
        claimed.append(unionpay.claimed(0, f"q-{number}", voucher_type_id=kind))
        deployment.clock.advance(seconds=1)
    first = unionpay.search(limit=2)
    assert ids(first) == claimed[:2]
    cursor = first.body["next_cursor"]
    last = unionpay.search(limit=2, cursor=cursor)
    assert (ids(last), last.body["next_cursor"]) == (claimed[2:], None)
    assert ids(unionpay.search(limit=3)) == claimed
    assert unionpay.search(limit=3).body["next_cursor"] is None


def test_a_cursor_is_good_for_its_own_search_only(
    deployment: Deployment, unionpay: Platform, meituan: Platform
) -> None:
    for number, kind in enumerate((REDUCTION, DISCOUNT)):
        unionpay.claimed(0, f"q-{number}", voucher_type_id=kind)
    cursor = unionpay.search(limit=1).body["next_cursor"]
    before = deployment.snapshot()
    for reply in (
        meituan.search(cursor=cursor),
        unionpay.search(1, cursor=cursor),
        unionpay.search(cursor=cursor[:-2] + "AA"),
    ):
        [fault] = refused(reply, 400, "INVALID_FIELDS")["errors"]
        assert fault["pointer"] == "/cursor"
    assert deployment.snapshot() == before


def test_a_search_shows_what_was_claimed_through_the_platform_only(
    unionpay: Platform, meituan: Platform
) -> None:
    mine = unionpay.claimed()
    theirs = meituan.claimed(1, "q-1")
    meituan.claimed(2, "q-2")
    assert (ids(unionpay.search()), ids(unionpay.search(1))) == ([mine], [])
    assert (ids(meituan.search()), ids(meituan.search(1))) == ([], [theirs])


def test_what_is_closed_can_still_be_searched(deployment: Deployment, unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    set_campaign_state("CLOSED")
    deployment.clock.advance(seconds=3)
    assert ids(unionpay.search()) == [voucher_id]


@pytest.mark.parametrize("state", ["unknown", "DRAFT", "no stock"])
def test_a_campaign_that_is_not_the_platforms_is_not_found(
    deployment: Deployment, bureau: Bureau, state: str
) -> None:
    """A draft, another platform's campaign and none at all are the same to it."""
    document = campaign_document(campaign_id="other-2026")
    if state == "no stock":
        for in_round in document["rounds"]:
            in_round["stock"] = [a for a in in_round["stock"] if a["platform_id"] == MEITUAN]
        bureau.open(document)
    elif state == "DRAFT":
        assert bureau.put_campaign(document).status == 201
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).search(campaign_id="other-2026"),
        404,
        "NOT_FOUND",
    )


# Holds


def test_a_hold_reserves_for_an_order_and_lapses_by_itself(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    reply = unionpay.hold(voucher_id, "o-1")
    assert (reply.status, reply.replayed) == (200, False)
    assert (reply.body["state"], reply.body["order_no"]) == ("HELD", "o-1")
    assert reply.body["held_until"] == "2026-01-05T02:45:00.000Z"
    deployment.clock.advance(seconds=900)
    body = unionpay.voucher(voucher_id).body
    assert (body["state"], body["order_no"], body["held_until"]) == ("ISSUED", None, None)


def test_a_hold_never_outlasts_the_voucher(deployment: Deployment, unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    deployment.clock.move_to("2026-01-12T09:50:00+08:00")
    assert unionpay.hold(voucher_id).body["held_until"] == "2026-01-12T02:00:00.000Z"


def test_the_same_hold_again_is_the_one_that_stands(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    first = unionpay.hold(voucher_id)
    deployment.clock.advance(minutes=5)
    before = deployment.snapshot()
    again = unionpay.hold(voucher_id)
    assert (again.status, again.replayed, again.text) == (200, True, first.text)
    assert deployment.snapshot() == before


def test_a_lapsed_hold_can_be_taken_again_by_any_order(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    unionpay.hold(voucher_id, "o-1")
    deployment.clock.advance(minutes=15)
    assert unionpay.hold(voucher_id, "o-2").body["order_no"] == "o-2"


# Releases


def test_a_release_gives_the_voucher_back_and_again_is_no_change(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    unionpay.hold(voucher_id)
    first = unionpay.release(voucher_id)
    assert (first.status, first.replayed, first.body["state"]) == (200, False, "ISSUED")
    before = deployment.snapshot()
    again = unionpay.release(voucher_id)
    assert (again.status, again.replayed, again.text) == (200, True, first.text)
    assert deployment.snapshot() == before
    assert unionpay.hold(voucher_id, "o-2").status == 200


def test_a_release_goes_on_while_the_campaign_is_paused(
    deployment: Deployment, unionpay: Platform, bureau: Bureau
) -> None:
    voucher_id = unionpay.claimed()
    unionpay.hold(voucher_id)
    bureau.pause()
    deployment.clock.advance(seconds=3)
    assert unionpay.release(voucher_id).status == 200


# Refusals


def held(_: Deployment, platform: Platform, voucher_id: str) -> object:
    return platform.hold(voucher_id, "o-9")


def redeemed(_: Deployment, platform: Platform, voucher_id: str) -> object:
    return platform.redeemed(voucher_id, "o-9")


def expired(deployment: Deployment, _: Platform, __: str) -> object:
    return deployment.clock.move_to(CLOSE_1)


def state(name: str) -> Prepare:
    def prepare(_: Deployment, __: Platform, voucher_id: str) -> None:
        end_voucher(voucher_id, name)

    return prepare


def paused(deployment: Deployment, _: Platform, __: str) -> object:
    Bureau(deployment).pause()
    return deployment.clock.advance(seconds=3)


def closed(deployment: Deployment, _: Platform, __: str) -> object:
    set_campaign_state("CLOSED")
    return deployment.clock.advance(seconds=3)


def exhausted(_: Deployment, __: Platform, voucher_id: str) -> object:
    line = "2026-01-05T02:30:00.000Z HELD o-9"
    return VoucherItem(voucher_id).update([VoucherItem.timeline.set([line] * TIMELINE_LIMIT)])


UNTIL: dict[str, object] = {"valid_until": "2026-01-12T02:00:00.000Z"}
HOLD_REFUSED: list[tuple[str, Prepare, str, dict[str, object]]] = [
    ("held for another order", held, "VOUCHER_HELD", {"held_until": "2026-01-05T02:45:00.000Z"}),
    ("redeemed", redeemed, "VOUCHER_NOT_REDEEMABLE", {"state": "REDEEMED"}),
    ("voided", state("VOIDED"), "VOUCHER_NOT_REDEEMABLE", {"state": "VOIDED"}),
    ("expired", expired, "VOUCHER_EXPIRED", UNTIL),
    ("written as expired", state("EXPIRED"), "VOUCHER_EXPIRED", UNTIL),
    ("paused", paused, "CAMPAIGN_PAUSED", {}),
    ("closed", closed, "CAMPAIGN_NOT_RUNNING", {"state": "CLOSED"}),
    ("held too often", exhausted, "HOLDS_EXHAUSTED", {"limit": TIMELINE_LIMIT}),
]


@pytest.mark.parametrize(
    ("prepare", "code", "members"),
    [case[1:] for case in HOLD_REFUSED],
    ids=[case[0] for case in HOLD_REFUSED],
)
def test_a_hold_that_the_rules_forbid_is_refused(
    deployment: Deployment,
    unionpay: Platform,
    prepare: Prepare,
    code: str,
    members: dict[str, object],
) -> None:
    voucher_id = unionpay.claimed()
    prepare(deployment, unionpay, voucher_id)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).hold(voucher_id),
        409,
        code,
        members,
    )


def test_a_voucher_is_not_held_before_it_is_valid(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed(voucher_type_id=TICKET)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).hold(voucher_id),
        409,
        "VOUCHER_NOT_YET_VALID",
        {"valid_from": "2026-01-06T16:00:00.000Z"},
    )


def never_held(_: Deployment, __: Platform, ___: str) -> object:
    return None


RELEASE_REFUSED: list[tuple[str, Prepare, str]] = [
    ("never held", never_held, "ISSUED"),
    ("held for another order", held, "HELD"),
    ("redeemed", redeemed, "REDEEMED"),
    ("expired", expired, "EXPIRED"),
]


@pytest.mark.parametrize(
    ("prepare", "seen"),
    [case[1:] for case in RELEASE_REFUSED],
    ids=[case[0] for case in RELEASE_REFUSED],
)
def test_only_the_order_that_holds_gives_back(
    deployment: Deployment, unionpay: Platform, prepare: Prepare, seen: str
) -> None:
    voucher_id = unionpay.claimed()
    prepare(deployment, unionpay, voucher_id)
    require_refused(
        deployment,
        lambda language: Platform(deployment, language=language).release(voucher_id),
        409,
        "VOUCHER_NOT_HELD",
        {"state": seen},
    )


def test_a_hold_of_a_round_that_is_over_is_not_carried_into_the_next(
    deployment: Deployment, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    deployment.clock.move_to("2026-01-12T09:59:00+08:00")
    unionpay.hold(voucher_id)
    deployment.clock.move_to(CLOSE_1)
    assert unionpay.voucher(voucher_id).body["state"] == "EXPIRED"
    refused(unionpay.hold(voucher_id), 409, "VOUCHER_EXPIRED")
    assert unionpay.claim(0, "q-2", round_id=ROUND_2).status == 201


@pytest.mark.parametrize("call", ["hold", "release"])
def test_contention_that_lasts_is_busy(
    deployment: Deployment, unionpay: Platform, call: str
) -> None:
    voucher_id = unionpay.claimed()
    if call == "release":
        unionpay.hold(voucher_id)
    before = deployment.snapshot()
    unionpay.voucher(voucher_id)
    client = functions.redeem.handler._database().client
    with scripted(client, TRANSACTION, *[cancelled("TransactionConflict")] * TRIES):
        refused(getattr(unionpay, call)(voucher_id), 503, "BUSY")
    assert deployment.snapshot() == before

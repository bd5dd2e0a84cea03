"""A pack: all its vouchers in one transaction over several pools, or none of them."""

from __future__ import annotations

from typing import Any

import pytest

import functions.issue.handler
from infra.local.people import make_person
from tests.handlers.refusals import require_refused
from tests.support.calls import OPERATOR, Bureau, Platform
from tests.support.campaigns import (
    DISCOUNT,
    MEITUAN,
    REDUCTION,
    ROUND_1,
    TICKET,
    UNIONPAY,
    allocation,
    campaign_document,
)
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused
from tests.support.replies import (
    LOST_AFTER,
    TRANSACTION,
    TRIES,
    cancelled,
    noted_calls,
    scripted,
)

PACKS = "packs-2026"
FAMILY, EVENING, PAIR = "family", "evening", "pair"
CONTENTS = {
    FAMILY: [REDUCTION, DISCOUNT],
    EVENING: [DISCOUNT, REDUCTION, TICKET],
    PAIR: [REDUCTION, REDUCTION, DISCOUNT],
}


def document(**changes: object) -> dict[str, Any]:
    """The small campaign with three packs; two of a type a round, six in all."""
    packs = [
        {"pack_id": pack_id, "name": {"zh": "券包", "en": "Pack"}, "voucher_type_ids": types}
        for pack_id, types in CONTENTS.items()
    ]
    limits = [
        {"scope": "VOUCHER_TYPE_PER_ROUND", "max_count": 2},
        {"scope": "CAMPAIGN", "max_count": 6},
    ]
    return campaign_document(campaign_id=PACKS, packs=packs, limits=limits) | changes


@pytest.fixture
def packs(deployment: Deployment, bureau: Bureau) -> Platform:
    """A platform of a campaign with packs."""
    bureau.open(document())
    return Platform(deployment)


def claim(
    platform: Platform, pack_id: str, person: int = 0, request_no: str = "q-1", /, **changes: object
) -> Reply:
    asked = {"campaign_id": PACKS, "pack_id": pack_id, "voucher_type_id": None}
    return platform.claim(person, request_no, **asked | changes)


def found(platform: Platform, person: int = 0) -> list[str]:
    """The types of a person's vouchers, sorted."""
    reply = platform.search(person, campaign_id=PACKS)
    return sorted(voucher["voucher_type_id"] for voucher in reply.body["vouchers"])


def left(platform: Platform) -> dict[str, int]:
    reply = platform.call("GET", f"/v1/campaigns/{PACKS}")
    return {each["voucher_type_id"]: each["left"] for each in reply.body["stock_left"]}


@pytest.mark.parametrize("pack_id", CONTENTS)
def test_a_pack_gives_all_its_vouchers_in_its_order(packs: Platform, pack_id: str) -> None:
    reply = claim(packs, pack_id)
    assert (reply.status, reply.replayed) == (201, False)
    body = reply.body
    assert {name: body[name] for name in body if name != "vouchers"} == {
        "request_no": "q-1",
        "campaign_id": PACKS,
        "round_id": ROUND_1,
        "pack_id": pack_id,
    }
    vouchers = body["vouchers"]
    assert [each["voucher_type_id"] for each in vouchers] == CONTENTS[pack_id]
    assert len({each["voucher_id"] for each in vouchers}) == len(vouchers)
    assert {each["request_no"] for each in vouchers} == {"q-1"}
    assert found(packs) == sorted(CONTENTS[pack_id])
    taken = {type_id: CONTENTS[pack_id].count(type_id) for type_id in (REDUCTION, DISCOUNT, TICKET)}
    assert left(packs) == {
        REDUCTION: 3 - taken[REDUCTION],
        DISCOUNT: 3 - taken[DISCOUNT],
        TICKET: 1 - taken[TICKET],
    }


def test_a_pack_is_one_transaction(packs: Platform) -> None:
    claim(packs, FAMILY, 1, "q-0")
    with noted_calls(functions.issue.handler._database().client) as calls:
        assert claim(packs, EVENING).status == 201
    assert calls == [TRANSACTION]


def test_each_voucher_of_a_pack_is_used_by_itself(packs: Platform) -> None:
    first, second = (each["voucher_id"] for each in claim(packs, FAMILY).body["vouchers"])
    packs.redeemed(first, "o-1")
    packs.redeemed(second, "o-2")
    assert packs.voucher(second).body["state"] == "REDEEMED"


def test_where_one_pool_has_nothing_left_no_other_gives(
    deployment: Deployment, packs: Platform
) -> None:
    assert claim(packs, EVENING, 0, "q-1").status == 201
    # The one ticket is gone: whoever finds that first leaves the mark for all who follow.
    refused(claim(packs, EVENING, 2, "q-2"), 409, "SOLD_OUT")
    require_refused(
        deployment,
        lambda language: claim(Platform(deployment, language=language), EVENING, 1, "q-3"),
        409,
        "SOLD_OUT",
        {"voucher_type_id": TICKET},
    )
    assert claim(packs, FAMILY, 1, "q-4").status == 201


def test_two_of_a_type_where_one_is_left_are_refused(packs: Platform) -> None:
    assert claim(packs, PAIR, 0, "q-1").status == 201
    refused(claim(packs, PAIR, 1, "q-2"), 409, "SOLD_OUT")
    assert found(packs, 1) == []
    assert packs.claim(1, "q-3", campaign_id=PACKS).status == 201


def test_a_pack_counts_each_of_its_vouchers_against_the_limits(
    deployment: Deployment, packs: Platform
) -> None:
    assert claim(packs, PAIR, 0, "q-1").status == 201
    require_refused(
        deployment,
        lambda language: claim(Platform(deployment, language=language), FAMILY, 0, "q-2"),
        409,
        "PERSON_LIMIT_REACHED",
        {"scope": "VOUCHER_TYPE_PER_ROUND", "limit": 2, "used": 2},
    )


def test_a_pack_that_would_pass_a_limit_half_way_is_refused_whole(packs: Platform) -> None:
    """One of the type is taken, two more are asked for, two are permitted."""
    assert packs.claim(0, "q-1", campaign_id=PACKS).status == 201
    problem = refused(claim(packs, PAIR, 0, "q-2"), 409, "PERSON_LIMIT_REACHED")
    assert (problem["limit"], problem["used"]) == (2, 1)
    assert found(packs) == [REDUCTION]


def test_the_same_pack_claim_has_the_first_answer_for_ever(
    deployment: Deployment, packs: Platform
) -> None:
    first = claim(packs, EVENING)
    for days in (0, 1, 40):
        deployment.clock.advance(days=days)
        deployment.forget_reads()
        before = deployment.snapshot()
        again = claim(packs, EVENING)
        assert (again.status, again.replayed, again.text) == (200, True, first.text)
        assert deployment.snapshot() == before


def test_a_pack_whose_reply_was_lost_is_found_again(packs: Platform) -> None:
    client = functions.issue.handler._database().client
    with scripted(client, TRANSACTION, *[LOST_AFTER] * TRIES):
        refused(claim(packs, PAIR), 503, "BUSY")
    again = claim(packs, PAIR)
    assert (again.status, again.replayed) == (200, True)
    assert [each["voucher_type_id"] for each in again.body["vouchers"]] == CONTENTS[PAIR]
    assert found(packs) == sorted(CONTENTS[PAIR])


def test_a_pack_in_contention_at_one_shard_gives_all_or_nothing(packs: Platform) -> None:
    client = functions.issue.handler._database().client
    at_a_shard = cancelled("None", "None", "TransactionConflict", "None", "None")
    with scripted(client, TRANSACTION, at_a_shard, at_a_shard):
        assert claim(packs, FAMILY).status == 201
    assert found(packs) == sorted(CONTENTS[FAMILY])


@pytest.mark.parametrize(
    "other",
    [{"pack_id": EVENING}, {"pack_id": None, "voucher_type_id": REDUCTION}],
    ids=["another pack", "a single voucher"],
)
def test_a_number_that_claimed_a_pack_claims_nothing_else(
    deployment: Deployment, packs: Platform, other: dict[str, object]
) -> None:
    assert claim(packs, FAMILY).status == 201
    require_refused(
        deployment,
        lambda language: claim(Platform(deployment, language=language), FAMILY, **other),
        422,
        "KEY_REUSED",
        {"number": "q-1"},
    )


def test_a_number_that_claimed_a_voucher_claims_no_pack(packs: Platform) -> None:
    assert packs.claim(0, "q-1", campaign_id=PACKS).status == 201
    refused(claim(packs, FAMILY), 422, "KEY_REUSED")


def test_a_platform_without_all_pools_of_a_pack_has_no_such_pack(
    deployment: Deployment, packs: Platform
) -> None:
    """Meituan has stock of the reduction only."""
    assert packs.claim(1, "q-9", campaign_id=PACKS).status == 201
    refused(claim(Platform(deployment, MEITUAN), FAMILY), 404, "NOT_FOUND")
    refused(claim(packs, "unknown"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "what",
    [
        {"pack_id": None, "voucher_type_id": None},
        {"pack_id": FAMILY, "voucher_type_id": REDUCTION},
    ],
)
def test_a_claim_names_a_voucher_type_or_a_pack(packs: Platform, what: dict[str, object]) -> None:
    [fault] = refused(claim(packs, FAMILY, **what), 400, "INVALID_FIELDS")["errors"]
    assert "pack_id" in fault["detail"]


def test_platforms_see_what_is_in_a_pack(packs: Platform) -> None:
    body = packs.call("GET", f"/v1/campaigns/{PACKS}").body
    assert {pack["pack_id"]: pack["voucher_type_ids"] for pack in body["packs"]} == CONTENTS


# Documents


def findings(bureau: Bureau, **changes: object) -> list[tuple[str, str]]:
    reply = bureau.put_campaign(document(**changes), caller=OPERATOR)
    problem = refused(reply, 422, "CAMPAIGN_INVALID")
    return [(each["pointer"], each["detail"]) for each in problem["errors"]]


def test_a_pack_of_unknown_types_or_of_a_known_id_is_refused(bureau: Bureau) -> None:
    packs = [
        {"pack_id": FAMILY, "name": {"zh": "券包", "en": "Pack"}, "voucher_type_ids": types}
        for types in ([REDUCTION, "10-5"], [REDUCTION, DISCOUNT])
    ]
    assert {pointer for pointer, _ in findings(bureau, packs=packs)} == {
        "/packs/0/voucher_type_ids/1",
        "/packs/1",
    }


@pytest.mark.parametrize(
    ("scope", "max_count"),
    [("VOUCHER_TYPE_PER_ROUND", 1), ("VOUCHER_TYPE", 1), ("CAMPAIGN", 2), ("ROUND", 2)],
)
def test_a_pack_that_nobody_could_claim_is_refused(
    bureau: Bureau, scope: str, max_count: int
) -> None:
    limits = [{"scope": scope, "max_count": max_count}]
    pointers = {pointer for pointer, _ in findings(bureau, limits=limits)}
    pair = list(CONTENTS).index(PAIR)
    assert f"/packs/{pair}" in pointers


def test_a_pack_as_large_as_a_transaction_takes_is_one_transaction(
    deployment: Deployment, bureau: Bureau
) -> None:
    """Forty vouchers, their shards, and three identities."""
    many = [REDUCTION, DISCOUNT] * 20
    plain = document(
        packs=[{"pack_id": FAMILY, "name": {"zh": "券包", "en": "Pack"}, "voucher_type_ids": many}],
        limits=[],
    )
    plain["person"]["identities"] = ["IDENTITY_NUMBER", "PHONE", "ACCOUNT"]
    plain["rounds"][0]["stock"] = [
        allocation(type_id, UNIONPAY, 100) for type_id in (REDUCTION, DISCOUNT)
    ]
    bureau.open(plain)
    person = make_person(0)
    given = {
        "identity_number": person.identity_number,
        "phone": person.phone,
        "account": "a",
    }
    reply = claim(Platform(deployment), FAMILY, person=given)
    assert reply.status == 201, reply.text
    assert len(reply.body["vouchers"]) == len(many)

"""What a voucher type may ask for besides a threshold: times, places, shares, other offers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.handlers.refusals import require_refused
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import DISCOUNT, REDUCTION, TICKET, campaign_document
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused

RULES = "rules-2026"
MONDAY_NOON, MONDAY_THREE = "2026-01-05T12:00:00+08:00", "2026-01-05T15:00:00+08:00"


def document(**of_type: object) -> dict[str, Any]:
    """The campaign with every voucher type changed so."""
    plain = campaign_document(campaign_id=RULES)
    plain["voucher_types"] = [each | of_type for each in plain["voucher_types"]]
    return plain


def validity(**changes: object) -> dict[str, Any]:
    """Good for three days, and changed."""
    return {"validity": {"kind": "DAYS", "days": 3} | changes}


def opened(bureau: Bureau, plain: dict[str, Any]) -> None:
    bureau.open(plain)


def claimed(platform: Platform, type_id: str = REDUCTION, person: int = 0) -> str:
    reply = platform.claim(person, f"r-{person}", campaign_id=RULES, voucher_type_id=type_id)
    assert reply.status == 201, reply.text
    voucher_id: str = reply.body["voucher_id"]
    return voucher_id


# Times


def test_a_voucher_for_the_next_day_waits_for_midnight_and_lasts_its_days_from_then(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    opened(bureau, document(**validity(starts="NEXT_DAY")))
    voucher_id = claimed(unionpay)
    deployment.clock.move_to("2026-01-05T23:59:59.999+08:00")
    document_ = refused(unionpay.redeem(voucher_id), 409, "VOUCHER_NOT_YET_VALID")
    assert document_["valid_from"] == "2026-01-05T16:00:00.000Z"
    deployment.clock.move_to("2026-01-06T00:00:00+08:00")
    assert unionpay.redeem(voucher_id).status == 201
    # Of the sixth: the seventh to the ninth are its three days.
    other = claimed(unionpay, person=1)
    deployment.clock.move_to("2026-01-09T23:59:59.999+08:00")
    assert unionpay.hold(other, "o-2").status == 200
    deployment.clock.move_to("2026-01-10T00:00:00+08:00")
    refused(unionpay.redeem(other, "o-2"), 409, "VOUCHER_EXPIRED")


def test_a_voucher_for_lunch_is_held_and_redeemed_at_lunch_only(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    hours = [{"from": "11:00", "until": "14:00"}]
    opened(bureau, document(**validity(times={"hours": hours})))
    voucher_id = claimed(unionpay)
    for act in ("redeem", "hold"):

        def send(language: str, act: str = act) -> Reply:
            platform = Platform(deployment, language=language)
            return platform.redeem(voucher_id) if act == "redeem" else platform.hold(voucher_id)

        require_refused(
            deployment,
            send,
            409,
            "VOUCHER_NOT_AT_THIS_TIME",
            {"usable_at": "2026-01-05T03:00:00.000Z"},
        )
    deployment.clock.move_to(MONDAY_NOON)
    assert unionpay.hold(voucher_id, "o-1").status == 200
    deployment.clock.move_to("2026-01-05T14:00:00+08:00")
    late = refused(unionpay.redeem(voucher_id, "o-1"), 409, "VOUCHER_NOT_AT_THIS_TIME")
    assert late["usable_at"] == "2026-01-06T03:00:00.000Z"
    deployment.clock.move_to("2026-01-06T11:00:00+08:00")
    assert unionpay.redeem(voucher_id, "o-1").status == 201


def test_where_no_such_time_is_left_none_is_promised(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    """Claimed on Monday for three days, to be used on Mondays."""
    plain = document(**validity(days=9, times={"weekdays": [1]}))
    opened(bureau, plain)
    voucher_id = claimed(unionpay)
    deployment.clock.move_to("2026-01-13T10:00:00+08:00")
    told = refused(unionpay.redeem(voucher_id), 409, "VOUCHER_NOT_AT_THIS_TIME")
    assert "usable_at" not in told


def test_a_replay_outside_its_hours_is_answered_as_the_first_time(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    hours = [{"from": "11:00", "until": "14:00"}]
    opened(bureau, document(**validity(times={"hours": hours})))
    voucher_id = claimed(unionpay)
    deployment.clock.move_to(MONDAY_NOON)
    first = unionpay.redeem(voucher_id)
    deployment.clock.move_to(MONDAY_THREE)
    again = unionpay.redeem(voucher_id)
    assert (again.status, again.body) == (200, first.body)


# Places


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ({}, {"noodles", "dumplings"}),
        ({"merchants": ["dumplings", "books"]}, {"dumplings"}),
        ({"districts": ["1101"]}, {"noodles", "dumplings"}),
        ({"districts": ["31", "110108"]}, set()),
        ({"industries": ["retail", "dining"], "merchants": ["books"]}, {"books"}),
    ],
)
def test_only_merchants_in_scope_take_vouchers(
    bureau: Bureau, unionpay: Platform, scope: dict[str, Any], allowed: set[str]
) -> None:
    plain = document()
    plain["scope"] |= scope
    opened(bureau, plain)
    for number, merchant_id in enumerate(("noodles", "dumplings", "books")):
        voucher_id = claimed(unionpay, DISCOUNT, number)
        reply = unionpay.redeem(voucher_id, f"o-{number}", merchant_id=merchant_id)
        if merchant_id in allowed:
            assert reply.status == 201, reply.text
        else:
            refused(reply, 422, "MERCHANT_NOT_IN_CAMPAIGN")


# Shares of the order


def test_the_first_cap_that_fits_decides(bureau: Bureau, unionpay: Platform) -> None:
    """20 yuan off, but 10 % of what books cost, and 5 % of the rest, on this platform."""
    caps = [
        {"share_bp": 1_000, "industries": ["retail"]},
        {"share_bp": 9_000, "platforms": ["meituan"]},
        {"share_bp": 500},
    ]
    plain = document(order_share_caps=caps)
    plain["scope"]["industries"] = ["dining", "retail"]
    opened(bureau, plain)
    told = {}
    for number, merchant_id in enumerate(("books", "noodles")):
        voucher_id = claimed(unionpay, person=number)
        reply = unionpay.redeem(voucher_id, f"o-{number}", merchant_id=merchant_id)
        told[merchant_id] = reply.body["voucher_fen"]
    assert told == {"books": 800, "noodles": 400}


def test_a_ticket_may_pay_the_items_price_up_to_a_cap(bureau: Bureau, unionpay: Platform) -> None:
    plain = document()
    ticket = plain["voucher_types"][2]
    del ticket["face_fen"], ticket["order_share_cap_bp"]
    ticket |= {"cap_fen": 3_000} | validity()
    for stock in plain["rounds"][0]["stock"]:
        stock["units"] = 3
    opened(bureau, plain)
    for number, (order_fen, voucher_fen) in enumerate(((2_900, 2_900), (9_000, 3_000))):
        voucher_id = claimed(unionpay, TICKET, number)
        reply = unionpay.redeem(voucher_id, f"o-{number}", order_fen=order_fen)
        assert reply.body["voucher_fen"] == voucher_fen, reply.text


# Other offers


@pytest.mark.parametrize("whose", ["merchant", "platform"])
def test_a_voucher_that_excludes_a_discount_is_refused_beside_it(
    deployment: Deployment, bureau: Bureau, unionpay: Platform, whose: str
) -> None:
    opened(bureau, document(stacking={f"with_{whose}_discount": False}))
    voucher_id = claimed(unionpay)
    mine, other = f"{whose}_discount_fen", {"merchant": "platform", "platform": "merchant"}[whose]

    def send(language: str) -> Reply:
        return Platform(deployment, language=language).redeem(voucher_id, **{mine: 100})

    require_refused(deployment, send, 422, "STACKING_NOT_ALLOWED", {mine: 100})
    assert unionpay.redeem(voucher_id, **{f"{other}_discount_fen": 100}).status == 201


# Documents that cannot be


@pytest.mark.parametrize(
    ("of_type", "pointer"),
    [
        (validity(times={"hours": [{"from": "14:00", "until": "11:00"}]}), "/voucher_types/0"),
        (validity(times={"weekdays": [1, 1]}), "/voucher_types/0"),
        (validity(days=1, times={"weekdays": [2]}), "/voucher_types/0/validity"),
        ({"validity": {"kind": "ROUND", "starts": "NEXT_DAY"}}, "/voucher_types/0/validity"),
    ],
)
def test_rules_under_which_a_voucher_could_never_be_used_are_refused(
    bureau: Bureau, of_type: dict[str, Any], pointer: str
) -> None:
    plain = document(**of_type)
    errors = refused(bureau.put_campaign(plain), 422, "CAMPAIGN_INVALID")["errors"]
    assert pointer in {error["pointer"] for error in errors}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("validity", "times", "weekdays"), [0]),
        (("validity", "times", "hours"), [{"from": "24:30", "until": "24:00"}]),
        (("validity", "times", "hours"), [{"until": "24:00"}]),
        (("validity", "starts"), "LATER"),
        (("order_share_caps",), [{"share_bp": 0}]),
        (("stacking",), {"with_anything": True}),
    ],
)
def test_a_shape_that_cannot_be_is_refused_by_its_place(
    bureau: Bureau, path: tuple[str, ...], value: object
) -> None:
    plain = json.loads(json.dumps(document(**validity(times={}))))
    section = plain["voucher_types"][0]
    for name in path[:-1]:
        section = section[name]
    section[path[-1]] = value
    errors = refused(bureau.put_campaign(plain), 400, "INVALID_FIELDS")["errors"]
    assert all(e["pointer"].startswith(f"/voucher_types/0/{path[0]}") for e in errors)


def test_a_document_with_every_rule_is_taken(bureau: Bureau, unionpay: Platform) -> None:
    plain = document(
        **validity(
            days=9,
            starts="NEXT_DAY",
            times={"weekdays": [1, 5, 6, 7], "hours": [{"from": "10:00", "until": "24:00"}]},
        ),
        order_share_caps=[{"share_bp": 2_000, "industries": ["dining"], "platforms": ["meituan"]}],
        stacking={"with_merchant_discount": True, "with_platform_discount": False},
        distribution="FIRST_COME",
    )
    plain["scope"] |= {"merchants": ["noodles"], "districts": ["11"]}
    opened(bureau, plain)
    assert bureau.get_campaign(RULES).body["document"] == plain
    shown = unionpay.call("GET", f"/v1/campaigns/{RULES}").body["voucher_types"][0]["usage"]
    assert shown == {
        "starts": "NEXT_DAY",
        "weekdays": [1, 5, 6, 7],
        "hours": [{"from": "10:00", "until": "24:00"}],
        "with_merchant_discount": True,
        "with_platform_discount": False,
    }
    assert claimed(unionpay)

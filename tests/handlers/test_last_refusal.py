"""A complaint desk reads with the voucher why it was refused last; the note is no record."""

from __future__ import annotations

import functions.redeem.handler
from tests.support.calls import AUDITOR, Bureau, Platform
from tests.support.campaigns import CLOSE_1
from tests.support.deployment import Deployment
from tests.support.events import refused
from tests.support.replies import LOST_BEFORE, failed, scripted


def last(platform: Platform, voucher_id: str) -> object:
    return platform.voucher(voucher_id).body["last_refusal"]


def test_the_last_refusal_is_told_with_its_order(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    assert last(unionpay, voucher_id) is None
    refused(unionpay.redeem(voucher_id, "o-1", order_fen=4_999), 422, "BELOW_THRESHOLD")
    first = {
        "at": "2026-01-05T02:30:00.000Z",
        "code": "BELOW_THRESHOLD",
        "operation": "redeem",
        "order_no": "o-1",
    }
    assert last(unionpay, voucher_id) == first
    deployment.clock.advance(minutes=1)
    refused(
        unionpay.redeem(voucher_id, "o-2", merchant_id="books"), 422, "MERCHANT_NOT_IN_CAMPAIGN"
    )
    story = bureau.call(AUDITOR, "GET", f"/v1/admin/vouchers/{voucher_id}").body
    assert story["last_refusal"] == {
        "at": "2026-01-05T02:31:00.000Z",
        "code": "MERCHANT_NOT_IN_CAMPAIGN",
        "operation": "redeem",
        "order_no": "o-2",
    }


def test_a_refused_hold_is_told_too_and_stays_when_the_voucher_is_used(
    unionpay: Platform,
) -> None:
    voucher_id = unionpay.claimed()
    unionpay.hold(voucher_id, "o-1")
    refused(unionpay.hold(voucher_id, "o-2"), 409, "VOUCHER_HELD")
    assert unionpay.redeem(voucher_id, "o-1").status == 201
    told = unionpay.voucher(voucher_id).body
    assert (told["state"], told["last_refusal"]["order_no"]) == ("REDEEMED", "o-2")
    assert told["last_refusal"]["operation"] == "hold"


def test_what_says_nothing_about_the_voucher_is_not_noted(
    deployment: Deployment, unionpay: Platform, meituan: Platform
) -> None:
    voucher_id = unionpay.claimed()
    other = unionpay.claimed(1, "q-2")
    unionpay.redeemed(voucher_id)
    refused(unionpay.redeem(voucher_id, order_fen=9_000), 422, "KEY_REUSED")
    refused(meituan.redeem(other), 404, "NOT_FOUND")
    assert last(unionpay, voucher_id) is None
    assert last(unionpay, other) is None
    deployment.clock.move_to(CLOSE_1)
    assert unionpay.redeem(voucher_id).status == 200
    assert last(unionpay, voucher_id) is None


def test_a_note_that_is_lost_changes_no_answer(unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    client = functions.redeem.handler._database().client
    for step in (LOST_BEFORE, failed("ThrottlingException")):
        with scripted(client, "UpdateItem", step):
            refused(unionpay.redeem(voucher_id, order_fen=4_999), 422, "BELOW_THRESHOLD")
    assert last(unionpay, voucher_id) is None

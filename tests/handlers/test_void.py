"""One voucher before the bureau: its whole story, whoever's it is; and its end by the bureau."""

from __future__ import annotations

import pytest

from tests.handlers.by_hand import end_voucher
from tests.handlers.refusals import require_refused
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, Platform
from tests.support.campaigns import CAMPAIGN_ID, CLOSE_1
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused

NOBODYS = "v_" + "a" * 32


def void(bureau: Bureau, voucher_id: str, void_no: str = "void-1", who: str = OPERATOR) -> Reply:
    body = {"void_no": void_no, "reason": "冒名领取，已核实"}
    return bureau.call(who, "POST", f"/v1/admin/vouchers/{voucher_id}/void", body)


def lapsed_fen(bureau: Bureau) -> int:
    pools = bureau.call(AUDITOR, "GET", f"/v1/admin/campaigns/{CAMPAIGN_ID}/pools").body["pools"]
    return sum(pool["lapsed_fen"] for pool in pools)


def test_a_voided_voucher_is_used_by_nobody_and_its_money_lapses(
    bureau: Bureau, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    voided = void(bureau, voucher_id)
    assert voided.status == 200, voided.text
    assert voided.body["state"] == "VOIDED"
    assert [e["event"] for e in voided.body["timeline"]] == ["CLAIMED", "VOIDED"]
    assert lapsed_fen(bureau) == 2_000
    for reply in (unionpay.redeem(voucher_id), unionpay.hold(voucher_id)):
        assert refused(reply, 409, "VOUCHER_NOT_REDEEMABLE")["state"] == "VOIDED"
    assert unionpay.voucher(voucher_id).body["state"] == "VOIDED"


def test_the_same_void_again_is_answered_as_the_first_time(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    first = void(bureau, voucher_id)
    before = deployment.snapshot()
    again = void(bureau, voucher_id, who=APPROVER)
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert deployment.snapshot() == before
    refused(void(bureau, voucher_id, "void-2"), 409, "VOUCHER_NOT_REDEEMABLE")


def test_a_hold_does_not_keep_a_voucher(bureau: Bureau, unionpay: Platform) -> None:
    voucher_id = unionpay.claimed()
    assert unionpay.hold(voucher_id, "o-1").status == 200
    assert void(bureau, voucher_id).status == 200
    refused(unionpay.redeem(voucher_id, "o-1"), 409, "VOUCHER_NOT_REDEEMABLE")


def test_a_used_voucher_is_not_voided(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    unionpay.redeemed(voucher_id)
    require_refused(
        deployment,
        lambda language: void(Bureau(deployment, language), voucher_id),
        409,
        "VOUCHER_NOT_REDEEMABLE",
        {"state": "REDEEMED"},
    )
    assert bureau.call(AUDITOR, "GET", f"/v1/admin/vouchers/{voucher_id}").status == 200


def test_an_expired_voucher_is_not_voided_whether_or_not_the_sweep_has_seen_it(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    voucher_id = unionpay.claimed()
    deployment.clock.move_to(CLOSE_1)
    refused(void(bureau, voucher_id), 409, "VOUCHER_EXPIRED")
    end_voucher(voucher_id, "EXPIRED")
    refused(void(bureau, voucher_id), 409, "VOUCHER_EXPIRED")


def test_the_whole_story_of_any_platforms_voucher_is_read_in_one_call(
    bureau: Bureau, meituan: Platform
) -> None:
    voucher_id = meituan.claimed()
    meituan.hold(voucher_id, "o-1")
    meituan.release(voucher_id, "o-1")
    redemption_id = meituan.redeemed(voucher_id)
    meituan.refund(redemption_id, 8_000)
    story = bureau.call(AUDITOR, "GET", f"/v1/admin/vouchers/{voucher_id}").body
    assert story["platform_id"] == "meituan"
    events = [entry["event"] for entry in story["timeline"]]
    assert events[:4] == ["CLAIMED", "HELD", "RELEASED", "REDEEMED"]
    assert events[-1] == "RESTORED"
    assert "person_ref" not in story


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/void")])
def test_what_there_is_not_is_not_found(
    deployment: Deployment, bureau: Bureau, method: str, path: str
) -> None:
    before = deployment.snapshot()
    body = {"void_no": "void-1", "reason": "x"} if path else None
    reply = bureau.call(OPERATOR, method, f"/v1/admin/vouchers/{NOBODYS}{path}", body)
    refused(reply, 404, "NOT_FOUND")
    assert deployment.snapshot() == before

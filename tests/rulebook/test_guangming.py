"""Guangming, Shenzhen (2020): a lottery in three batches.

Winners are granted what they drew. Left open, and settled in campaigns/README.md: the face value,
validity, and refunds.
"""

from __future__ import annotations

import pytest

from functions.shared.domain.campaign import Rollover
from functions.shared.domain.campaign_reader import campaign_from_document
from infra.local.people import make_person
from tests.rulebook.stage import Stage, document, identities
from tests.support.calls import APPROVER, OPERATOR
from tests.support.events import refused

CAMPAIGN = "guangming-2020"


def test_winners_of_each_batch_have_one_voucher_each(stage: Stage) -> None:
    granted = stage.grant("100-30", [1, 2, 3], round_id="batch-1")
    assert sorted(granted) == [1, 2, 3]
    assert stage.redeem(granted[1], 100).body["paid_fen"] == 7_000


def test_a_winner_of_the_first_batch_may_win_in_the_second(stage: Stage) -> None:
    assert stage.grant("100-30", [1], round_id="batch-1")
    stage.clock.move_to("2020-04-17T10:00:00+08:00")
    assert stage.grant("100-30", [1], round_id="batch-2")


@pytest.mark.parametrize("same", ["identity_number", "phone", "account"])
def test_the_same_account_phone_or_number_is_the_same_consumer(stage: Stage, same: str) -> None:
    """Who shares one of the three with a winner of the batch is not granted a second voucher."""
    assert stage.grant("100-30", [1], round_id="batch-1")
    twin = identities(make_person(2)) | {same: identities(make_person(1))[same]}
    base = f"/v1/admin/campaigns/{CAMPAIGN}/grants/twin"
    pool = {"round_id": "batch-1", "voucher_type_id": "100-30", "platform_id": "wechat"}
    call = stage.bureau.call
    assert call(OPERATOR, "PUT", base, pool | {"reason": "中签"}).status == 201
    assert call(OPERATOR, "POST", f"{base}/persons", {"persons": [twin]}).status == 200
    assert call(APPROVER, "POST", f"{base}/approve", {"rows": 1}).status == 200
    for part in range(16):
        call(OPERATOR, "POST", f"{base}/run", {"part": part})
    progress = call(OPERATOR, "GET", base).body["progress"]
    assert progress == {"granted": 0, "refused": 1, "left": 0}


def test_a_voucher_of_a_batch_lapses_when_the_next_begins(stage: Stage) -> None:
    granted = stage.grant("100-30", [1], round_id="batch-1")
    stage.clock.move_to("2020-04-17T10:00:00+08:00")
    refused(stage.redeem(granted[1], 100), 409, "VOUCHER_EXPIRED")


def test_lapsed_money_of_one_batch_flows_to_the_next(stage: Stage) -> None:
    """As the document says; that it does, `tests/reconcile_money` proves for every campaign."""
    campaign = campaign_from_document(document(CAMPAIGN))
    assert campaign.rollover is Rollover.NEXT_ROUND
    following = campaign.round_after("batch-1")
    assert following is not None
    assert following.round_id == "batch-2"
    assert stage.bureau.get_campaign(CAMPAIGN).body["document"]["rollover"] == "NEXT_ROUND"


def test_all_three_identities_must_be_known(stage: Stage) -> None:
    reply = stage.platforms["wechat"].claim(
        1, "q", campaign_id=CAMPAIGN, round_id="batch-1", voucher_type_id="100-30"
    )
    errors = refused(reply, 400, "INVALID_FIELDS")["errors"]
    assert [error["pointer"] for error in errors] == ["/person/phone"]

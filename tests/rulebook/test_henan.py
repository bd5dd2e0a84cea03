"""Henan's sports vouchers, second round (November 2024).

Left open, and settled in campaigns/README.md: how many of each a person may claim, and whose money
a part refund takes first.
"""

from __future__ import annotations

import pytest

from tests.rulebook.stage import Stage
from tests.support.events import refused

CAMPAIGN = "henan-sports-2024"
HENAN = "410105"


def claimed(stage: Stage, type_id: str, person: int = 0, platform_id: str = "meituan") -> str:
    reply = stage.claim(
        type_id, person=person, platform_id=platform_id, round_id="r2", located_in=HENAN
    )
    assert reply.status == 201, reply.text
    voucher_id: str = reply.body["voucher_id"]
    return voucher_id


@pytest.mark.parametrize(
    ("type_id", "order_yuan", "paid_yuan"),
    [("30-10", 30, 20), ("90-30", 95, 65), ("150-50", 150, 100), ("300-100", 320, 220)],
)
def test_each_face_takes_off_what_it_says(
    stage: Stage, type_id: str, order_yuan: int, paid_yuan: int
) -> None:
    reply = stage.redeem(claimed(stage, type_id), order_yuan)
    assert reply.body["paid_fen"] == paid_yuan * 100


def test_it_opens_at_ten_and_is_usable_to_the_24th(stage: Stage) -> None:
    stage.clock.advance(seconds=-1)
    early = stage.claim("30-10", round_id="r2", located_in=HENAN)
    refused(early, 409, "ROUND_NOT_OPEN")
    stage.clock.advance(seconds=1)
    last, late = claimed(stage, "30-10"), claimed(stage, "90-30")
    stage.clock.move_to("2024-11-24T23:59:59.999+08:00")
    assert stage.redeem(last, 30).status == 201
    stage.clock.move_to("2024-11-25T00:00:00+08:00")
    refused(stage.redeem(late, 90), 409, "VOUCHER_EXPIRED")


def test_only_persons_in_henan(stage: Stage) -> None:
    away = stage.claim("30-10", round_id="r2", located_in="420100")
    assert refused(away, 422, "NOT_ELIGIBLE")["reason"] == "LOCATION"


def test_each_platform_is_claimed_separately(stage: Stage) -> None:
    """Four faces on one platform, and the same four on the other."""
    for platform_id in ("meituan", "unionpay"):
        for type_id in ("30-10", "90-30", "150-50", "300-100"):
            stage.clock.advance(seconds=1)
            reply = stage.platforms[platform_id].claim(
                0,
                f"{platform_id}-{type_id}",
                campaign_id=CAMPAIGN,
                round_id="r2",
                voucher_type_id=type_id,
                located_in=HENAN,
            )
            assert reply.status == 201, reply.text
    more = stage.claim("30-10", platform_id="unionpay", round_id="r2", located_in=HENAN)
    assert refused(more, 409, "PERSON_LIMIT_REACHED")["scope"] == "PLATFORM_PER_ROUND"


def test_only_sports(stage: Stage) -> None:
    reply = stage.redeem(claimed(stage, "30-10"), 30, merchant_id="books")
    refused(reply, 422, "MERCHANT_NOT_IN_CAMPAIGN")


def test_a_whole_refund_while_valid_gives_it_back_with_unchanged_validity(stage: Stage) -> None:
    voucher_id = claimed(stage, "90-30")
    before = stage.platforms["meituan"].voucher(voucher_id).body["valid_until"]
    redemption = stage.redeem(voucher_id, 90).body["redemption_id"]
    stage.refund(redemption, 90)
    after = stage.platforms["meituan"].voucher(voucher_id).body
    assert (after["state"], after["valid_until"]) == ("ISSUED", before)


def test_a_whole_refund_after_the_24th_does_not_give_it_back(stage: Stage) -> None:
    voucher_id = claimed(stage, "90-30")
    redemption = stage.redeem(voucher_id, 90).body["redemption_id"]
    stage.clock.move_to("2024-11-25T00:00:00+08:00")
    assert stage.refund(redemption, 90).body["paid_fen"] == 6_000
    assert stage.state(voucher_id) == "VOIDED"


def test_a_part_refund_is_of_what_the_consumer_paid_and_does_not_give_it_back(
    stage: Stage,
) -> None:
    voucher_id = claimed(stage, "90-30")
    redemption = stage.redeem(voucher_id, 90).body["redemption_id"]
    part = stage.refund(redemption, 45).body
    assert (part["paid_fen"], part["voucher_fen"]) == (4_500, 0)
    assert stage.state(voucher_id) == "REDEEMED"
    rest = stage.refund(redemption, 45, "f-2").body
    assert (rest["paid_fen"], rest["voucher_fen"]) == (1_500, 3_000)


def test_it_combines_with_other_offers(stage: Stage) -> None:
    reply = stage.redeem(
        claimed(stage, "150-50"), 150, merchant_discount_fen=20, platform_discount_fen=10
    )
    assert reply.body["paid_fen"] == (150 - 20 - 10 - 50) * 100

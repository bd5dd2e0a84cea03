"""Nanling County: May Day vouchers, 1 to 31 May 2023.

Left open, and settled in campaigns/README.md: the face values, how many a person may claim, and
what a part refund reverses.
"""

from __future__ import annotations

from tests.rulebook.stage import Stage
from tests.support.events import refused

CAMPAIGN = "nanling-2023"


def claimed(stage: Stage, type_id: str = "30-10", person: int = 0) -> str:
    reply = stage.claim(type_id, person=person, round_id="may")
    assert reply.status == 201, reply.text
    voucher_id: str = reply.body["voucher_id"]
    return voucher_id


def two(stage: Stage, person: int = 0) -> list[str]:
    """Vouchers of both types, of one person."""
    return [claimed(stage, type_id, person) for type_id in ("30-10", "100-30")]


def test_usable_from_the_claim_to_the_end_of_the_campaign(stage: Stage) -> None:
    first, last = two(stage)
    assert stage.redeem(first, 30).body["paid_fen"] == 2_000
    stage.clock.move_to("2023-05-31T23:59:59.999+08:00")
    assert stage.redeem(last, 100).status == 201
    late = claimed(stage, person=1)
    stage.clock.move_to("2023-06-01T00:00:00+08:00")
    refused(stage.redeem(late, 30), 409, "VOUCHER_EXPIRED")
    assert stage.state(late) == "EXPIRED"


def test_one_voucher_per_consumer_merchant_and_day(stage: Stage) -> None:
    first, second = two(stage)
    assert stage.redeem(first, 30).status == 201
    again = refused(stage.redeem(second, 100), 409, "PERSON_LIMIT_REACHED")
    assert (again["scope"], again["limit"], again["used"]) == ("MERCHANT_PER_DAY", 1, 1)
    assert stage.redeem(second, 100, merchant_id="shop-2").status == 201


def test_the_day_is_beijings(stage: Stage) -> None:
    first, second = two(stage)
    stage.clock.move_to("2023-05-02T23:59:59+08:00")
    assert stage.redeem(first, 30).status == 201
    stage.clock.move_to("2023-05-03T00:00:00+08:00")
    assert stage.redeem(second, 100).status == 201


def test_another_consumer_is_not_kept_from_the_merchant(stage: Stage) -> None:
    assert stage.redeem(claimed(stage), 30).status == 201
    assert stage.redeem(claimed(stage, person=1), 30).status == 201


def test_the_threshold_is_the_platforms_order_amount_and_cannot_be_split(stage: Stage) -> None:
    """Two orders of 60 do not make one of 100; discounts do not lower what counts."""
    voucher_id = claimed(stage, "100-30")
    for _ in range(2):
        refused(stage.redeem(voucher_id, 60), 422, "BELOW_THRESHOLD")
    reply = stage.redeem(voucher_id, 100, merchant_discount_fen=20)
    assert reply.body["paid_fen"] == (100 - 20 - 30) * 100


def test_a_whole_refund_within_validity_makes_it_usable_again(stage: Stage) -> None:
    voucher_id = claimed(stage, "100-30")
    redemption = stage.redeem(voucher_id, 100).body["redemption_id"]
    stage.refund(redemption, 100)
    # Also at the same merchant on the same day: the refund took the count back.
    assert stage.redeem(voucher_id, 120).status == 201


def test_refunded_after_validity_it_is_not_usable_again(stage: Stage) -> None:
    voucher_id = claimed(stage, "100-30")
    redemption = stage.redeem(voucher_id, 100).body["redemption_id"]
    stage.clock.move_to("2023-06-02T10:00:00+08:00")
    assert stage.refund(redemption, 100).body["voucher_fen"] == 3_000
    assert stage.state(voucher_id) == "EXPIRED"


def test_part_refunded_it_is_not_usable_again(stage: Stage) -> None:
    voucher_id = claimed(stage, "100-30")
    redemption = stage.redeem(voucher_id, 100).body["redemption_id"]
    part = stage.refund(redemption, 50).body
    assert (part["voucher_fen"], part["paid_fen"]) == (1_500, 3_500)
    assert stage.state(voucher_id) == "REDEEMED"
    refused(stage.redeem(voucher_id, 100), 409, "VOUCHER_NOT_REDEEMABLE")

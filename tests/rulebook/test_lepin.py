"""Shanghai "Lepin": dining vouchers by lottery, February to April 2025.

The lottery is the platforms', under a notary; the bureau grants what was drawn. Left open, and
settled in campaigns/README.md: refunds.
"""

from __future__ import annotations

from tests.rulebook.stage import Stage
from tests.support.events import refused

CAMPAIGN = "shanghai-lepin-2025"
MARCH, APRIL = "2025-03-10T12:00:00+08:00", "2025-04-10T12:00:00+08:00"


def won(stage: Stage, type_id: str, person: int = 0, platform_id: str = "alipay") -> str:
    """A voucher granted to a winner."""
    return stage.grant(type_id, [person], round_id="round-1", platform_id=platform_id)[person]


def test_worked_bill_320_of_which_the_merchant_takes_30(stage: Stage) -> None:
    """Published: 290 is below 300, so the voucher does not apply."""
    voucher_id = won(stage, "300-90-march")
    stage.clock.move_to(MARCH)
    reply = stage.redeem(voucher_id, 320, merchant_discount_fen=30)
    assert refused(reply, 422, "BELOW_THRESHOLD")["base_fen"] == 29_000


def test_worked_bill_340_of_which_the_merchant_takes_30(stage: Stage) -> None:
    """Published: 310, so 90 off, and the consumer pays 220."""
    voucher_id = won(stage, "300-90-march")
    stage.clock.move_to(MARCH)
    reply = stage.redeem(voucher_id, 340, merchant_discount_fen=30)
    assert (reply.body["voucher_fen"], reply.body["paid_fen"]) == (9_000, 22_000)


def test_the_platforms_own_discount_does_not_lower_what_counts(stage: Stage) -> None:
    voucher_id = won(stage, "300-90-march")
    stage.clock.move_to(MARCH)
    reply = stage.redeem(voucher_id, 330, merchant_discount_fen=30, platform_discount_fen=50)
    assert reply.body["paid_fen"] == (330 - 30 - 50 - 90) * 100


def test_winners_of_february_use_their_vouchers_in_march(stage: Stage) -> None:
    early, late = won(stage, "500-180-march"), won(stage, "500-180-march", 1)
    refused(stage.redeem(early, 500), 409, "VOUCHER_NOT_YET_VALID")
    stage.clock.move_to("2025-03-01T00:00:00+08:00")
    assert stage.redeem(early, 500).body["paid_fen"] == 32_000
    stage.clock.move_to("2025-04-01T00:00:00+08:00")
    refused(stage.redeem(late, 500), 409, "VOUCHER_EXPIRED")


def test_winners_of_march_use_theirs_in_april(stage: Stage) -> None:
    stage.clock.move_to("2025-03-28T12:00:00+08:00")
    granted = stage.grant("1000-400-april", [7], round_id="round-2", platform_id="alipay")
    refused(stage.redeem(granted[7], 1_000), 409, "VOUCHER_NOT_YET_VALID")
    stage.clock.move_to(APRIL)
    assert stage.redeem(granted[7], 1_000).body["paid_fen"] == 60_000


def test_one_voucher_a_round_on_each_platform(stage: Stage) -> None:
    """Drawn on two platforms, a consumer has two; a second one on the same is not granted."""
    assert won(stage, "300-90-march", 3, "alipay")
    assert won(stage, "500-180-march", 3, "unionpay")
    second = stage.grant("500-180-march", [3], round_id="round-1", platform_id="alipay")
    assert second == {}


def test_nobody_claims_what_is_drawn(stage: Stage) -> None:
    reply = stage.claim("300-90-march", round_id="round-1", located_in="310101")
    assert refused(reply, 409, "NOT_DISTRIBUTED_SO")["distribution"] == "DIRECT"


def test_a_lapsed_voucher_is_void_for_good(stage: Stage) -> None:
    voucher_id = won(stage, "300-90-march")
    stage.clock.move_to(APRIL)
    assert stage.state(voucher_id) == "EXPIRED"
    refused(stage.redeem(voucher_id, 340), 409, "VOUCHER_EXPIRED")

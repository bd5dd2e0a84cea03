"""Refunds by worked examples: each policy, cumulative rounding, bounds and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import MAX_ORDER_FEN, NO_PARTS, FundingParts
from functions.shared.domain.refund_policies import (
    PartPolicy,
    RefundPolicies,
    WholeExpiredPolicy,
    WholeValidPolicy,
)
from functions.shared.domain.refunds import (
    NOTHING_REFUNDED,
    Redeemed,
    Refunded,
    RefundStep,
    plan_refund,
)
from tests.support.fields import field


def fiscal(fiscal_fen: int) -> FundingParts:
    return replace(NO_PARTS, fiscal_fen=fiscal_fen)


def parts(fiscal_fen: int, platform_fen: int, merchant_fen: int) -> FundingParts:
    return FundingParts(fiscal_fen=fiscal_fen, platform_fen=platform_fen, merchant_fen=merchant_fen)


def redeemed(
    voucher_fen: int,
    paid_fen: int,
    *,
    given: FundingParts | None = None,
    merchant_discount_fen: int = 0,
    platform_discount_fen: int = 0,
) -> Redeemed:
    return Redeemed(
        order_fen=merchant_discount_fen + platform_discount_fen + voucher_fen + paid_fen,
        merchant_discount_fen=merchant_discount_fen,
        platform_discount_fen=platform_discount_fen,
        voucher_fen=voucher_fen,
        paid_fen=paid_fen,
        parts=given or fiscal(voucher_fen),
    )


def refund_in_steps(order: Redeemed, policy: PartPolicy, *steps_fen: int) -> list[RefundStep]:
    steps: list[RefundStep] = []
    already = NOTHING_REFUNDED
    for refund_fen in steps_fen:
        steps.append(plan_refund(order, already, refund_fen=refund_fen, policy=policy))
        already = steps[-1].after
    return steps


# Order 100 yuan, voucher 20, consumer paid 80.
HUNDRED = redeemed(2_000, 8_000)


@pytest.mark.parametrize(
    ("policy", "paid_fen", "voucher_fen"),
    [
        (PartPolicy.PRO_RATA, 4_000, 1_000),
        # Luohu: the organiser gets 20 back, the consumer 50 - 20 = 30.
        (PartPolicy.RECLAIM_ALL, 3_000, 2_000),
        (PartPolicy.KEEP, 5_000, 0),
    ],
)
def test_half_of_the_order_is_refunded(policy: PartPolicy, paid_fen: int, voucher_fen: int) -> None:
    step = plan_refund(HUNDRED, NOTHING_REFUNDED, refund_fen=5_000, policy=policy)
    assert step == RefundStep(
        voucher_fen=voucher_fen,
        paid_fen=paid_fen,
        parts=fiscal(voucher_fen),
        merchant_discount_fen=0,
        platform_discount_fen=0,
        after=Refunded(
            refunded_fen=5_000,
            voucher_fen=voucher_fen,
            paid_fen=paid_fen,
            parts=fiscal(voucher_fen),
            merchant_discount_fen=0,
            platform_discount_fen=0,
        ),
        is_whole=False,
        closes=False,
    )


def test_luohu_leaves_the_consumer_having_paid_for_what_was_kept() -> None:
    step = plan_refund(HUNDRED, NOTHING_REFUNDED, refund_fen=5_000, policy=PartPolicy.RECLAIM_ALL)
    assert HUNDRED.paid_fen - step.paid_fen == 5_000


@pytest.mark.parametrize("policy", PartPolicy)
def test_a_whole_refund_reverses_everything_whatever_the_policy(policy: PartPolicy) -> None:
    order = redeemed(
        2_000,
        8_000,
        given=parts(1_000, 600, 400),
        merchant_discount_fen=300,
        platform_discount_fen=70,
    )
    step = plan_refund(order, NOTHING_REFUNDED, refund_fen=10_000, policy=policy)
    assert (step.voucher_fen, step.paid_fen) == (2_000, 8_000)
    assert step.parts == parts(1_000, 600, 400)
    assert (step.merchant_discount_fen, step.platform_discount_fen) == (300, 70)
    assert step.is_whole
    assert step.closes


@pytest.mark.parametrize(
    ("policy", "voucher_steps_fen"),
    [
        (PartPolicy.PRO_RATA, [200, 800, 1_000]),
        (PartPolicy.RECLAIM_ALL, [1_000, 1_000, 0]),
        (PartPolicy.KEEP, [0, 0, 2_000]),
    ],
)
def test_part_refunds_that_complete_the_order_close_it_but_are_not_whole(
    policy: PartPolicy, voucher_steps_fen: list[int]
) -> None:
    steps = refund_in_steps(HUNDRED, policy, 1_000, 4_000, 5_000)
    assert [step.voucher_fen for step in steps] == voucher_steps_fen
    assert [step.closes for step in steps] == [False, False, True]
    assert not any(step.is_whole for step in steps)
    assert steps[-1].after.refunded_fen == 10_000
    assert steps[-1].after.parts == HUNDRED.parts


def test_reclaim_all_turns_from_the_voucher_to_the_consumer_at_the_fen() -> None:
    steps = refund_in_steps(HUNDRED, PartPolicy.RECLAIM_ALL, 1_999, 1, 1)
    assert [(step.voucher_fen, step.paid_fen) for step in steps] == [(1_999, 0), (1, 0), (0, 1)]


def test_keep_turns_from_the_consumer_to_the_voucher_at_the_fen() -> None:
    steps = refund_in_steps(HUNDRED, PartPolicy.KEEP, 7_999, 1, 1)
    assert [(step.voucher_fen, step.paid_fen) for step in steps] == [(0, 7_999), (0, 1), (1, 0)]


def test_pro_rata_rounds_the_running_total_half_up() -> None:
    """Voucher 1, paid 3: after 1, 2, 3, 4 fen a quarter, a half, three quarters, all of it."""
    steps = refund_in_steps(redeemed(1, 3), PartPolicy.PRO_RATA, 1, 1, 1, 1)
    assert [step.voucher_fen for step in steps] == [0, 1, 0, 0]
    assert [step.paid_fen for step in steps] == [1, 0, 1, 1]


def test_a_third_is_rounded_to_the_nearest_fen() -> None:
    steps = refund_in_steps(redeemed(100, 200), PartPolicy.PRO_RATA, 100, 100, 100)
    assert [step.voucher_fen for step in steps] == [33, 34, 33]


def test_parts_come_back_in_the_shares_they_were_given_in() -> None:
    order = redeemed(1_000, 9_000, given=parts(500, 300, 200))
    steps = refund_in_steps(order, PartPolicy.PRO_RATA, 1_000, 4_000, 5_000)
    assert [step.parts for step in steps] == [
        parts(50, 30, 20),
        parts(200, 120, 80),
        parts(250, 150, 100),
    ]


def test_the_budget_gets_its_fen_back_first_and_the_rest_is_shared_in_turn() -> None:
    """Each fen of a voucher of 4, given as 2, 1 and 1: half of 1, of 2 and of 3 rounded up."""
    order = redeemed(4, 0, given=parts(2, 1, 1))
    steps = refund_in_steps(order, PartPolicy.RECLAIM_ALL, 1, 1, 1, 1)
    assert [step.parts for step in steps] == [
        parts(1, 0, 0),
        parts(0, 1, 0),
        parts(1, 0, 0),
        parts(0, 0, 1),
    ]


def test_a_part_that_came_back_is_never_taken_again() -> None:
    """Largest remainder would give the budget 1 of the first 3 fen and 0 of the first 4."""
    order = redeemed(100, 0, given=parts(15, 40, 45))
    steps = refund_in_steps(order, PartPolicy.RECLAIM_ALL, 3, 1)
    assert [step.parts for step in steps] == [parts(0, 1, 2), parts(1, 0, 0)]


@pytest.mark.parametrize(
    "given",
    [parts(7, 0, 0), parts(0, 7, 0), parts(0, 0, 7)],
    ids=["fiscal", "platform", "merchant"],
)
def test_a_single_funder_gets_all_of_it_back(given: FundingParts) -> None:
    step = plan_refund(
        redeemed(7, 7, given=given), NOTHING_REFUNDED, refund_fen=7, policy=PartPolicy.RECLAIM_ALL
    )
    assert step.parts == given


def test_own_discounts_are_reversed_in_proportion_to_what_is_refunded() -> None:
    order = redeemed(2_000, 8_000, merchant_discount_fen=3, platform_discount_fen=1_001)
    steps = refund_in_steps(order, PartPolicy.KEEP, 5_000, 2_500, 2_500)
    assert [step.merchant_discount_fen for step in steps] == [2, 0, 1]  # 1.5, 2.25, 3
    assert [step.platform_discount_fen for step in steps] == [501, 250, 250]  # 500.5, 750.75, 1001


def test_an_order_paid_by_the_voucher_alone() -> None:
    for policy in PartPolicy:
        steps = refund_in_steps(redeemed(500, 0), policy, 200, 300)
        assert [step.voucher_fen for step in steps] == [200, 300]


def test_a_redemption_whose_voucher_gave_nothing() -> None:
    for policy in PartPolicy:
        steps = refund_in_steps(redeemed(0, 500), policy, 200, 300)
        assert [step.paid_fen for step in steps] == [200, 300]
        assert steps[-1].after.parts == NO_PARTS


@pytest.mark.parametrize("refund_fen", [0, -1, 10_001, MAX_ORDER_FEN + 1])
def test_a_first_refund_is_from_one_fen_to_all(refund_fen: int) -> None:
    with pytest.raises(HuiminError) as caught:
        plan_refund(HUNDRED, NOTHING_REFUNDED, refund_fen=refund_fen, policy=PartPolicy.PRO_RATA)
    assert caught.value.code is Code.REFUND_EXCEEDS_REDEMPTION
    assert caught.value.context == {
        "refundable_fen": 10_000,
        "refunded_fen": 0,
        "refund_fen": refund_fen,
    }


def test_a_later_refund_is_at_most_what_is_left() -> None:
    (first,) = refund_in_steps(HUNDRED, PartPolicy.PRO_RATA, 9_999)
    with pytest.raises(HuiminError) as caught:
        plan_refund(HUNDRED, first.after, refund_fen=2, policy=PartPolicy.PRO_RATA)
    assert caught.value.context == {
        "refundable_fen": 10_000,
        "refunded_fen": 9_999,
        "refund_fen": 2,
    }
    last = plan_refund(HUNDRED, first.after, refund_fen=1, policy=PartPolicy.PRO_RATA)
    assert last.closes
    with pytest.raises(HuiminError):
        plan_refund(HUNDRED, last.after, refund_fen=1, policy=PartPolicy.PRO_RATA)


def test_an_order_that_cost_nothing_has_nothing_to_refund() -> None:
    order = redeemed(0, 0, merchant_discount_fen=500)
    with pytest.raises(HuiminError) as caught:
        plan_refund(order, NOTHING_REFUNDED, refund_fen=1, policy=PartPolicy.PRO_RATA)
    assert caught.value.context["refundable_fen"] == 0


@pytest.mark.parametrize("refund_fen", [True, 1.0, "1"])
def test_a_refund_is_an_int(refund_fen: int) -> None:
    with pytest.raises(ValueError, match=r"^refund_fen must be an integer"):
        plan_refund(HUNDRED, NOTHING_REFUNDED, refund_fen=refund_fen, policy=PartPolicy.PRO_RATA)


def test_a_policy_changed_between_refunds_never_gives_money_twice() -> None:
    (first,) = refund_in_steps(HUNDRED, PartPolicy.RECLAIM_ALL, 2_000)
    with pytest.raises(ValueError, match=r"^fiscal_fen must be from 0"):
        plan_refund(HUNDRED, first.after, refund_fen=1, policy=PartPolicy.KEEP)
    (first,) = refund_in_steps(HUNDRED, PartPolicy.KEEP, 2_000)
    with pytest.raises(ValueError, match=r"^paid_fen must be from 0"):
        plan_refund(HUNDRED, first.after, refund_fen=1, policy=PartPolicy.RECLAIM_ALL)


def test_a_policy_that_is_not_known_stops_the_refund() -> None:
    unknown = cast("PartPolicy", "LATER")
    with pytest.raises(AssertionError, match="LATER"):
        plan_refund(HUNDRED, NOTHING_REFUNDED, refund_fen=1, policy=unknown)


@pytest.mark.parametrize(
    "name", ["voucher_fen", "paid_fen", "merchant_discount_fen", "platform_discount_fen"]
)
def test_a_step_reverses_nothing_negative(name: str) -> None:
    step = plan_refund(HUNDRED, NOTHING_REFUNDED, refund_fen=1, policy=PartPolicy.KEEP)
    with pytest.raises(ValueError, match=rf"^{name} must be from 0"):
        replace(step, **field(name, -1))


AMOUNTS = ["merchant_discount_fen", "platform_discount_fen", "voucher_fen", "paid_fen"]


@pytest.mark.parametrize("name", ["order_fen", *AMOUNTS])
@pytest.mark.parametrize("value", [-1, MAX_ORDER_FEN + 1, True])
def test_redeemed_amounts_are_amounts(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        replace(HUNDRED, **field(name, value))


@pytest.mark.parametrize("name", ["order_fen", *AMOUNTS])
def test_redeemed_amounts_close(name: str) -> None:
    with pytest.raises(ValueError, match=r"^order_fen must be the sum of discounts"):
        replace(HUNDRED, **field(name, getattr(HUNDRED, name) + 1))


def test_redeemed_parts_add_up() -> None:
    for given in (fiscal(1_999), fiscal(2_001)):
        with pytest.raises(ValueError, match=r"^parts must add up to voucher_fen$"):
            replace(HUNDRED, parts=given)


def test_refundable_is_the_vouchers_money_and_the_consumers() -> None:
    assert redeemed(20, 80, merchant_discount_fen=5, platform_discount_fen=7).refundable_fen == 100


REFUNDED_AMOUNTS = ["refunded_fen", *AMOUNTS]


@pytest.mark.parametrize("name", REFUNDED_AMOUNTS)
@pytest.mark.parametrize("value", [-1, MAX_ORDER_FEN + 1, True])
def test_refunded_amounts_are_amounts(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        replace(NOTHING_REFUNDED, **field(name, value))


@pytest.mark.parametrize("name", ["refunded_fen", "voucher_fen", "paid_fen"])
def test_refunded_amounts_close(name: str) -> None:
    with pytest.raises(ValueError, match=r"^refunded_fen must be the sum"):
        replace(NOTHING_REFUNDED, **field(name, 1))


def test_refunded_parts_add_up() -> None:
    with pytest.raises(ValueError, match=r"^parts must add up to voucher_fen$"):
        replace(NOTHING_REFUNDED, parts=fiscal(1))


def test_before_the_first_refund_all_is_zero() -> None:
    assert all(getattr(NOTHING_REFUNDED, name) == 0 for name in REFUNDED_AMOUNTS)
    assert NOTHING_REFUNDED.parts.total_fen == 0


def test_policies_are_read_from_a_campaign_by_these_names() -> None:
    policies = RefundPolicies(
        whole_valid=WholeValidPolicy("RESTORE"),
        whole_expired=WholeExpiredPolicy("LAPSE"),
        part=PartPolicy("PRO_RATA"),
    )
    assert policies.part is PartPolicy.PRO_RATA
    assert [*WholeValidPolicy] == ["RESTORE", "VOID"]
    assert [*WholeExpiredPolicy] == ["LAPSE", "VOID"]
    assert [*PartPolicy] == ["PRO_RATA", "RECLAIM_ALL", "KEEP"]

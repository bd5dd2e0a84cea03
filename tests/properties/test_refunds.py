"""Refunds of any order, in any steps, under any policy."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.refund_policies import PartPolicy
from functions.shared.domain.refunds import (
    NOTHING_REFUNDED,
    Redeemed,
    Refunded,
    RefundStep,
    plan_refund,
)
from tests.properties.strategies import redeemed_orders

if TYPE_CHECKING:
    from functions.shared.domain.money import FundingParts

policies = st.sampled_from(PartPolicy)


def each(parts: FundingParts) -> tuple[int, int, int]:
    return parts.fiscal_fen, parts.platform_fen, parts.merchant_fen


def amounts(total: Redeemed | Refunded | RefundStep) -> tuple[int, ...]:
    """Every amount that refunds reverse, in one fixed order."""
    return (
        total.voucher_fen,
        total.paid_fen,
        total.merchant_discount_fen,
        total.platform_discount_fen,
        *each(total.parts),
    )


def steps_of(order: Redeemed, cuts: list[int]) -> list[int]:
    """The refund steps between the cuts of what can be refunded; the last one completes it."""
    ends = [*sorted({cut % order.refundable_fen for cut in cuts} - {0}), order.refundable_fen]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def refund_all(order: Redeemed, steps_fen: list[int], policy: PartPolicy) -> list[RefundStep]:
    steps: list[RefundStep] = []
    already = NOTHING_REFUNDED
    for refund_fen in steps_fen:
        steps.append(plan_refund(order, already, refund_fen=refund_fen, policy=policy))
        already = steps[-1].after
    return steps


cut_lists = st.lists(st.integers(0, 10**10), max_size=8)


@given(redeemed_orders(), cut_lists, policies)
def test_every_step_is_what_it_names_and_its_parts_add_up(
    order: Redeemed, cuts: list[int], policy: PartPolicy
) -> None:
    steps_fen = steps_of(order, cuts)
    for refund_fen, step in zip(steps_fen, refund_all(order, steps_fen, policy), strict=True):
        assert step.voucher_fen + step.paid_fen == refund_fen
        assert step.parts.total_fen == step.voucher_fen
        assert min(amounts(step)) >= 0


@given(redeemed_orders(), cut_lists, policies)
def test_refunds_never_exceed_the_redemption_and_the_last_closes_every_part(
    order: Redeemed, cuts: list[int], policy: PartPolicy
) -> None:
    steps = refund_all(order, steps_of(order, cuts), policy)
    for step in steps:
        pairs = zip(amounts(step.after), amounts(order), strict=True)
        assert all(reversed_fen <= given_fen for reversed_fen, given_fen in pairs)
    assert amounts(steps[-1].after) == amounts(order)
    assert [step.closes for step in steps] == [False] * (len(steps) - 1) + [True]
    assert [step.is_whole for step in steps] == [len(steps) == 1] + [False] * (len(steps) - 1)


@given(redeemed_orders(), cut_lists, policies)
def test_the_steps_add_up_to_the_totals(
    order: Redeemed, cuts: list[int], policy: PartPolicy
) -> None:
    steps = refund_all(order, steps_of(order, cuts), policy)
    sums = tuple(map(sum, zip(*map(amounts, steps), strict=True)))
    assert sums == amounts(steps[-1].after)


@given(redeemed_orders(), cut_lists, policies, st.data())
def test_the_order_and_size_of_part_refunds_change_no_total(
    order: Redeemed, cuts: list[int], policy: PartPolicy, data: st.DataObject
) -> None:
    steps_fen = steps_of(order, cuts)[:-1]
    shuffled_fen = data.draw(st.permutations(steps_fen))
    if not steps_fen:
        return
    at_once = plan_refund(order, NOTHING_REFUNDED, refund_fen=sum(steps_fen), policy=policy)
    assert refund_all(order, steps_fen, policy)[-1].after == at_once.after
    assert refund_all(order, shuffled_fen, policy)[-1].after == at_once.after


@given(redeemed_orders(most_fen=60), policies)
def test_fen_by_fen_every_total_rises_and_none_falls(order: Redeemed, policy: PartPolicy) -> None:
    """Single fen are the hardest steps: any dip of a running total would show as a negative."""
    steps = refund_all(order, [1] * order.refundable_fen, policy)
    for step in steps:
        assert sorted((step.voucher_fen, step.paid_fen)) == [0, 1]
        assert min(amounts(step)) >= 0


@given(redeemed_orders(), cut_lists)
def test_pro_rata_is_within_half_a_fen_of_the_exact_share(order: Redeemed, cuts: list[int]) -> None:
    for step in refund_all(order, steps_of(order, cuts), PartPolicy.PRO_RATA):
        exact = Fraction(step.after.refunded_fen * order.voucher_fen, order.refundable_fen)
        assert Fraction(-1, 2) < step.after.voucher_fen - exact <= Fraction(1, 2)


@given(redeemed_orders(), cut_lists, policies)
def test_every_part_is_within_a_fen_of_its_exact_share(
    order: Redeemed, cuts: list[int], policy: PartPolicy
) -> None:
    for step in refund_all(order, steps_of(order, cuts), policy):
        for back_fen, given_fen in zip(each(step.after.parts), each(order.parts), strict=True):
            exact = Fraction(step.after.voucher_fen * given_fen, max(order.voucher_fen, 1))
            assert abs(back_fen - exact) < 1


@given(redeemed_orders(), cut_lists)
def test_reclaim_all_and_keep_bound_pro_rata(order: Redeemed, cuts: list[int]) -> None:
    steps_fen = steps_of(order, cuts)
    kept, shared, reclaimed = (
        [step.after.voucher_fen for step in refund_all(order, steps_fen, policy)]
        for policy in (PartPolicy.KEEP, PartPolicy.PRO_RATA, PartPolicy.RECLAIM_ALL)
    )
    for least_fen, middle_fen, most_fen in zip(kept, shared, reclaimed, strict=True):
        assert least_fen <= middle_fen <= most_fen

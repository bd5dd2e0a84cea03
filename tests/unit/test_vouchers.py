"""A voucher's state on its own clock, who may use it, and what a refund makes of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from functions.shared.domain.business_time import SHANGHAI, day_bounds, to_rfc3339
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.fates import Fate, fate_after_refund
from functions.shared.domain.money import FundingParts
from functions.shared.domain.refund_policies import (
    PartPolicy,
    RefundPolicies,
    WholeExpiredPolicy,
    WholeValidPolicy,
)
from functions.shared.domain.refunds import NOTHING_REFUNDED, RefundStep, plan_refund
from functions.shared.domain.usage_times import ALWAYS, UsageTimes
from functions.shared.domain.vouchers import (
    TimelineEntry,
    Voucher,
    VoucherEvent,
    VoucherState,
    new_voucher,
    require_usable,
    require_usable_at,
    require_voidable,
)
from tests.support.campaigns import campaign
from tests.support.vouchers import ISSUED_AT, VALID_UNTIL, a_redemption, a_voucher

MOMENT = timedelta(milliseconds=1)
HELD_UNTIL = ISSUED_AT + timedelta(minutes=15)
ISSUED, HELD, REDEEMED, EXPIRED, VOIDED = VoucherState
held = a_voucher(state=HELD, order_no="o-1", held_until=HELD_UNTIL)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (ISSUED_AT, ISSUED),
        (VALID_UNTIL - MOMENT, ISSUED),
        (VALID_UNTIL, EXPIRED),
        (VALID_UNTIL + MOMENT, EXPIRED),
    ],
)
def test_an_unused_voucher_ends_at_the_very_instant(now: datetime, state: VoucherState) -> None:
    assert a_voucher().state_at(now) is state


@pytest.mark.parametrize(
    ("until", "now", "state"),
    [
        (HELD_UNTIL, HELD_UNTIL - MOMENT, HELD),
        (HELD_UNTIL, HELD_UNTIL, ISSUED),
        (VALID_UNTIL, VALID_UNTIL - MOMENT, HELD),
        (VALID_UNTIL, VALID_UNTIL, EXPIRED),
        # A hold that was stored too long does not outlast the voucher.
        (VALID_UNTIL + timedelta(days=1), VALID_UNTIL, EXPIRED),
    ],
)
def test_a_hold_lapses_by_itself(until: datetime, now: datetime, state: VoucherState) -> None:
    voucher = a_voucher(state=HELD, order_no="o-1", held_until=until)
    assert voucher.state_at(now) is state


@pytest.mark.parametrize("state", [REDEEMED, EXPIRED, VOIDED])
def test_what_is_over_stays_as_it_was_written(state: VoucherState) -> None:
    for now in (ISSUED_AT, VALID_UNTIL + MOMENT):
        assert a_voucher(state=state).state_at(now) is state


def test_only_a_held_voucher_with_an_end_is_held() -> None:
    assert held.is_held_at(HELD_UNTIL - MOMENT)
    assert not held.is_held_at(HELD_UNTIL)
    assert not a_voucher(state=HELD, order_no="o-1").is_held_at(ISSUED_AT)
    assert not a_voucher(held_until=HELD_UNTIL).is_held_at(ISSUED_AT)


@pytest.mark.parametrize(
    ("order_no", "now"),
    [
        ("o-1", HELD_UNTIL - MOMENT),  # the order that holds it
        ("o-2", HELD_UNTIL),  # any order, once the hold has lapsed
        ("o-2", VALID_UNTIL - MOMENT),
    ],
)
def test_a_held_voucher_is_usable_by_its_order_and_by_all_once_it_lapsed(
    order_no: str, now: datetime
) -> None:
    require_usable(held, order_no=order_no, now=now)


def test_an_issued_voucher_is_usable_from_its_first_instant_to_its_last() -> None:
    voucher = a_voucher(valid_from=ISSUED_AT + timedelta(days=1))
    require_usable(voucher, order_no="o-1", now=voucher.valid_from)
    require_usable(voucher, order_no="o-1", now=VALID_UNTIL - MOMENT)


REFUSALS = [
    ("expired", a_voucher(), VALID_UNTIL, Code.VOUCHER_EXPIRED,
     {"valid_until": "2026-01-12T02:00:00.000Z"}),
    ("written as expired", a_voucher(state=EXPIRED), ISSUED_AT, Code.VOUCHER_EXPIRED,
     {"valid_until": "2026-01-12T02:00:00.000Z"}),
    ("redeemed", a_voucher(state=REDEEMED), ISSUED_AT, Code.VOUCHER_NOT_REDEEMABLE,
     {"state": "REDEEMED"}),
    ("redeemed, then its time passed", a_voucher(state=REDEEMED), VALID_UNTIL,
     Code.VOUCHER_NOT_REDEEMABLE, {"state": "REDEEMED"}),
    ("voided", a_voucher(state=VOIDED), ISSUED_AT, Code.VOUCHER_NOT_REDEEMABLE,
     {"state": "VOIDED"}),
    ("not yet valid", a_voucher(valid_from=VALID_UNTIL - MOMENT), VALID_UNTIL - 2 * MOMENT,
     Code.VOUCHER_NOT_YET_VALID, {"valid_from": "2026-01-12T01:59:59.999Z"}),
    ("held for another order", held, HELD_UNTIL - MOMENT, Code.VOUCHER_HELD,
     {"held_until": "2026-01-05T02:45:00.000Z"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("voucher", "now", "code", "context"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_a_voucher_that_cannot_be_used_says_why(
    voucher: Voucher, now: datetime, code: Code, context: dict[str, str]
) -> None:
    with pytest.raises(HuiminError) as refused:
        require_usable(voucher, order_no="o-2", now=now)
    assert refused.value.code is code
    assert refused.value.context == context


# What a refund makes of a voucher

USED = a_voucher(state=REDEEMED, redemption_id="r_" + "a" * 32, slack_fen=500, reserve_fen=2_000)
AMOUNTS = a_redemption().amounts


def step(refund_fen: int, *, part: PartPolicy = PartPolicy.PRO_RATA) -> RefundStep:
    return plan_refund(AMOUNTS, NOTHING_REFUNDED, refund_fen=refund_fen, policy=part)


def policies(
    whole_valid: WholeValidPolicy = WholeValidPolicy.RESTORE,
    whole_expired: WholeExpiredPolicy = WholeExpiredPolicy.LAPSE,
) -> RefundPolicies:
    return RefundPolicies(
        whole_valid=whole_valid, whole_expired=whole_expired, part=PartPolicy.PRO_RATA
    )


def fate(
    refund_fen: int, now: datetime, chosen: RefundPolicies, *, redeemed_fiscal_fen: int = 1_500
) -> Fate:
    return fate_after_refund(
        USED,
        step(refund_fen),
        chosen,
        redeemed_fiscal_fen=redeemed_fiscal_fen,
        now=now,
    )


WHOLE = AMOUNTS.refundable_fen


def test_a_part_refund_leaves_the_voucher_used_and_its_fiscal_money_lapses() -> None:
    for now in (ISSUED_AT, VALID_UNTIL):
        assert fate(4_000, now, policies()) == Fate(REDEEMED, 500, 1_000)


def test_a_part_refund_of_all_but_a_fen_is_no_whole_one() -> None:
    assert fate(WHOLE - 1, ISSUED_AT, policies()).state is REDEEMED


def test_a_voucher_restored_in_time_takes_its_whole_reserve_back() -> None:
    """Nothing lapses: the reserve is outstanding again, neither more nor less."""
    restored = Fate(ISSUED, slack_fen=0, lapsed_fen=0)
    assert fate(WHOLE, VALID_UNTIL - MOMENT, policies()) == restored


# The voucher's money of a whole refund is 2,000 fen, all fiscal; with its slack it lapses.
ENDED = [
    (VALID_UNTIL - MOMENT, policies(WholeValidPolicy.VOID), VOIDED),
    (VALID_UNTIL, policies(), EXPIRED),
    (VALID_UNTIL, policies(WholeValidPolicy.VOID), EXPIRED),
    (VALID_UNTIL, policies(whole_expired=WholeExpiredPolicy.VOID), VOIDED),
]


@pytest.mark.parametrize(("now", "chosen", "state"), ENDED)
def test_a_voucher_that_ends_gives_up_its_money_and_its_slack(
    now: datetime, chosen: RefundPolicies, state: VoucherState
) -> None:
    assert fate(WHOLE, now, chosen) == Fate(state, 0, 2_000 + 500)


def test_a_voucher_whose_slack_was_swept_is_not_restored() -> None:
    """Its reserve is no longer whole: to restore it would make money out of nothing."""
    swept = fate(WHOLE, VALID_UNTIL - MOMENT, policies(), redeemed_fiscal_fen=1_499)
    assert swept == Fate(EXPIRED, 0, 2_500)


def test_only_public_money_lapses() -> None:
    redemption = a_redemption(amounts=AMOUNTS)
    parts = FundingParts(fiscal_fen=1_200, platform_fen=500, merchant_fen=300)
    amounts = type(AMOUNTS)(
        order_fen=8_000,
        merchant_discount_fen=0,
        platform_discount_fen=0,
        voucher_fen=2_000,
        paid_fen=6_000,
        parts=parts,
    )
    whole = plan_refund(amounts, redemption.refunded, refund_fen=WHOLE, policy=PartPolicy.PRO_RATA)
    voucher = a_voucher(state=REDEEMED, reserve_fen=1_800, slack_fen=600)
    ended = fate_after_refund(
        voucher,
        whole,
        policies(WholeValidPolicy.VOID),
        redeemed_fiscal_fen=1_200,
        now=ISSUED_AT,
    )
    assert ended == Fate(VOIDED, 0, 1_200 + 600)


# New ones, their times, and their end by the bureau


def test_a_new_voucher_is_what_was_asked_for_from_now_to_its_rounds_end() -> None:
    made = campaign()
    in_round, voucher_type = made.rounds[0], made.voucher_types[1]
    now = in_round.opens_at + MOMENT
    voucher = new_voucher(
        voucher_id="v",
        campaign_id="c",
        in_round=in_round,
        voucher_type=voucher_type,
        platform_id="p",
        identity_refs=("first", "second"),
        request_no="q",
        content_hash="h",
        event=VoucherEvent.GRANTED,
        now=now,
    )
    assert voucher == Voucher(
        voucher_id="v",
        campaign_id="c",
        round_id="r1",
        voucher_type_id="fifth-off",
        platform_id="p",
        person_ref="first",
        identity_refs=("first", "second"),
        shard_id="",
        request_no="q",
        content_hash="h",
        state=ISSUED,
        issued_at=now,
        valid_from=now,
        valid_until=datetime.fromisoformat("2026-01-08T00:00:00+08:00"),
        reserve_fen=1_800,
        slack_fen=0,
        timeline=(TimelineEntry(now, VoucherEvent.GRANTED, "q"),),
    )


def test_a_new_voucher_of_its_round_ends_with_it() -> None:
    made = campaign()
    in_round = made.rounds[0]
    voucher = new_voucher(
        voucher_id="v",
        campaign_id="c",
        in_round=in_round,
        voucher_type=made.voucher_types[0],
        platform_id="p",
        identity_refs=("first",),
        request_no="q",
        content_hash="h",
        event=VoucherEvent.CLAIMED,
        now=in_round.opens_at,
    )
    assert (voucher.valid_from, voucher.valid_until) == (in_round.opens_at, in_round.closes_at)


@pytest.mark.parametrize("state", [REDEEMED, VOIDED])
def test_a_voucher_that_is_used_or_void_is_not_voided(state: VoucherState) -> None:
    with pytest.raises(HuiminError) as refused:
        require_voidable(a_voucher(state=state), ISSUED_AT)
    assert (refused.value.code, refused.value.context) == (
        Code.VOUCHER_NOT_REDEEMABLE,
        {"state": state.value},
    )


def test_a_voucher_is_voided_to_its_last_instant_and_not_after() -> None:
    for voucher in (a_voucher(), held):
        require_voidable(voucher, VALID_UNTIL - MOMENT)
        with pytest.raises(HuiminError) as refused:
            require_voidable(voucher, VALID_UNTIL)
        assert refused.value.code is Code.VOUCHER_EXPIRED
        assert refused.value.context == {"valid_until": to_rfc3339(VALID_UNTIL)}


def test_a_voucher_is_used_at_its_times_and_told_the_next_while_there_is_one() -> None:
    require_usable_at(a_voucher(), ALWAYS, ISSUED_AT)
    local = ISSUED_AT.astimezone(SHANGHAI)
    today, tomorrow = local.isoweekday(), (local + timedelta(days=1)).isoweekday()
    require_usable_at(a_voucher(), UsageTimes(weekdays=(today,)), ISSUED_AT)
    midnight = day_bounds(local.date())[1]
    for valid_until, context in (
        (midnight + MOMENT, {"usable_at": to_rfc3339(midnight)}),
        (midnight, {}),
    ):
        voucher = a_voucher(valid_until=valid_until)
        with pytest.raises(HuiminError) as refused:
            require_usable_at(voucher, UsageTimes(weekdays=(tomorrow,)), ISSUED_AT)
        assert refused.value.code is Code.VOUCHER_NOT_AT_THIS_TIME
        assert refused.value.context == context

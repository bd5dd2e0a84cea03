"""Which counters a claim and a redemption move, and that no two limits share one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from functions.shared.domain.campaign import LimitScope
from functions.shared.domain.limits import (
    PersonCounter,
    add_up,
    claim_counters,
    redemption_counters,
)
from tests.support.campaigns import campaign

ALL = campaign(
    limits=[
        {"scope": scope.value, "max_count": number} for number, scope in enumerate(LimitScope, 1)
    ]
)
NAMES_OF_A_CLAIM = {
    LimitScope.CAMPAIGN: "campaign",
    LimitScope.ROUND: "round:r1",
    LimitScope.VOUCHER_TYPE: "type:50-20",
    LimitScope.VOUCHER_TYPE_PER_ROUND: "type:50-20:round:r1",
    LimitScope.PLATFORM_PER_ROUND: "platform:unionpay:round:r1",
}
NAMES_OF_A_REDEMPTION = {
    LimitScope.MERCHANT: "merchant:noodles",
    LimitScope.MERCHANT_PER_DAY: "merchant:noodles:day:2026-01-05",
}


def claimed(**changes: str) -> tuple[PersonCounter, ...]:
    what = {"round_id": "r1", "voucher_type_id": "50-20", "platform_id": "unionpay"} | changes
    return claim_counters(ALL, **what)


def redeemed(merchant_id: str = "noodles", on: date = date(2026, 1, 5)) -> list[PersonCounter]:
    return list(redemption_counters(ALL, merchant_id=merchant_id, on=on))


def test_a_claim_moves_the_counters_of_claims_up_to_their_limits() -> None:
    assert {counter.scope: counter.name for counter in claimed()} == NAMES_OF_A_CLAIM
    maxima = {limit.scope: limit.max_count for limit in ALL.limits}
    assert all(counter.max_count == maxima[counter.scope] for counter in claimed())


def test_a_redemption_moves_the_counters_of_redemptions_up_to_their_limits() -> None:
    assert {counter.scope: counter.name for counter in redeemed()} == NAMES_OF_A_REDEMPTION
    maxima = {limit.scope: limit.max_count for limit in ALL.limits}
    assert all(counter.max_count == maxima[counter.scope] for counter in redeemed())


def test_every_scope_is_counted_by_a_claim_or_by_a_redemption_and_by_one_only() -> None:
    assert NAMES_OF_A_CLAIM.keys() | NAMES_OF_A_REDEMPTION.keys() == set(LimitScope)
    assert not NAMES_OF_A_CLAIM.keys() & NAMES_OF_A_REDEMPTION.keys()
    names = [*NAMES_OF_A_CLAIM.values(), *NAMES_OF_A_REDEMPTION.values()]
    assert len(set(names)) == len(LimitScope)


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({"round_id": "r2"}, {"ROUND", "VOUCHER_TYPE_PER_ROUND", "PLATFORM_PER_ROUND"}),
        ({"voucher_type_id": "show"}, {"VOUCHER_TYPE", "VOUCHER_TYPE_PER_ROUND"}),
        ({"platform_id": "meituan"}, {"PLATFORM_PER_ROUND"}),
    ],
)
def test_only_what_a_limit_is_over_gives_it_another_counter(
    changes: dict[str, str], moved: set[str]
) -> None:
    """Above all: no platform's claims are counted apart unless the limit asks for it."""
    pairs = zip(claimed(), claimed(**changes), strict=True)
    assert {one.scope for one, other in pairs if one.name != other.name} == moved


def test_another_day_and_another_merchant_have_counters_of_their_own() -> None:
    per_day = {counter.name for counter in redeemed(on=date(2026, 1, 6))}
    assert per_day == {"merchant:noodles", "merchant:noodles:day:2026-01-06"}
    assert not {c.name for c in redeemed("dumplings")} & {c.name for c in redeemed()}


def test_a_campaign_without_limits_moves_no_counter() -> None:
    free = campaign(limits=[])
    where = {"round_id": "r1", "voucher_type_id": "50-20", "platform_id": "unionpay"}
    assert claim_counters(free, **where) == ()
    assert redemption_counters(free, merchant_id="noodles", on=date(2026, 1, 5)) == ()


def test_counters_of_one_name_are_added_up_in_the_order_of_the_first() -> None:
    a, b = (PersonCounter(name, LimitScope.CAMPAIGN, 5) for name in "ab")
    three = replace(a, by=3)
    assert add_up([a, b, three, b]) == (replace(a, by=4), replace(b, by=2))
    assert add_up([three]) == (three,)
    assert add_up([]) == ()

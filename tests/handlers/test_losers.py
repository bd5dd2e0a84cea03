"""Whoever gets nothing is cheap: what was found a moment ago is answered without a call.

Memory is at most two seconds old, and stock that returns is given again by then.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import functions.issue.handler
from functions.shared.issuing.issuer import REFUSAL_LIFETIME
from functions.shared.issuing.offers import CAMPAIGN_LIFETIME
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import BEFORE, CLOSE_1, TICKET
from tests.support.deployment import Deployment
from tests.support.events import refused
from tests.support.replies import noted_calls

# One unit of the ticket there is.
ONE = {"voucher_type_id": TICKET}


def calls_of(platform: Platform, code: str, person: int, **changes: object) -> list[str]:
    """The DynamoDB calls that a refused claim made."""
    with noted_calls(functions.issue.handler._database().client) as calls:
        refused(platform.claim(person, f"q-{person}", **ONE, **changes), 409, code)
    return list(calls)


def sold_out(_: Deployment, platform: Platform) -> str:
    platform.claimed(0, "q-0", **ONE)
    return "SOLD_OUT"


def too_early(deployment: Deployment, _: Platform) -> str:
    deployment.clock.move_to(BEFORE)
    return "ROUND_NOT_OPEN"


def too_late(deployment: Deployment, _: Platform) -> str:
    deployment.clock.move_to(CLOSE_1)
    return "ROUND_CLOSED"


def paused(deployment: Deployment, _: Platform) -> str:
    assert Bureau(deployment).pause().status == 200
    return "CAMPAIGN_PAUSED"


NOTHING_TO_GIVE = [sold_out, too_early, too_late, paused]


@pytest.mark.parametrize("begin", NOTHING_TO_GIVE)
def test_a_first_attempt_is_refused_without_a_call_while_it_is_remembered(
    deployment: Deployment, unionpay: Platform, begin: Callable[[Deployment, Platform], str]
) -> None:
    code = begin(deployment, unionpay)
    calls_of(unionpay, code, 1, first_attempt=True)
    for person in range(2, 6):
        assert not calls_of(unionpay, code, person, first_attempt=True)


@pytest.mark.parametrize("begin", NOTHING_TO_GIVE)
def test_what_may_be_a_retry_costs_the_look_at_its_own_number_and_no_more(
    deployment: Deployment, unionpay: Platform, begin: Callable[[Deployment, Platform], str]
) -> None:
    code = begin(deployment, unionpay)
    calls_of(unionpay, code, 1)
    assert calls_of(unionpay, code, 2) == ["GetItem"]


def test_a_retry_is_answered_as_the_first_time_although_sold_out_is_remembered(
    unionpay: Platform,
) -> None:
    first = unionpay.claim(0, "q-0", **ONE)
    calls_of(unionpay, "SOLD_OUT", 1)
    again = unionpay.claim(0, "q-0", **ONE)
    assert (again.status, again.replayed, again.text) == (200, True, first.text)


def test_whether_it_is_a_first_attempt_is_not_part_of_what_is_asked(unionpay: Platform) -> None:
    first = unionpay.claim(0, "q-0", first_attempt=True)
    again = unionpay.claim(0, "q-0")
    assert (again.status, again.replayed, again.text) == (200, True, first.text)


def test_sold_out_is_asked_again_once_it_is_two_seconds_old(
    deployment: Deployment, unionpay: Platform
) -> None:
    sold_out(deployment, unionpay)
    calls_of(unionpay, "SOLD_OUT", 1, first_attempt=True)
    deployment.clock.advance(seconds=REFUSAL_LIFETIME.total_seconds() - 0.001)
    assert not calls_of(unionpay, "SOLD_OUT", 2, first_attempt=True)
    deployment.clock.advance(seconds=0.001)
    # The mark on the pool spares the reading of its shards; besides it the campaign is read.
    assert set(calls_of(unionpay, "SOLD_OUT", 3, first_attempt=True)) == {"GetItem"}


def test_sold_out_on_one_platform_says_nothing_of_another(
    unionpay: Platform, meituan: Platform
) -> None:
    for person in range(3):
        unionpay.claimed(person, f"q-{person}")
    refused(unionpay.claim(4, "q-4"), 409, "SOLD_OUT")
    assert meituan.claim(4, "q-4").status == 201


def test_a_resumed_campaign_gives_within_the_age_of_memory(
    deployment: Deployment, unionpay: Platform
) -> None:
    paused(deployment, unionpay)
    calls_of(unionpay, "CAMPAIGN_PAUSED", 1)
    assert Bureau(deployment).resume().status == 200
    deployment.clock.advance(seconds=max(CAMPAIGN_LIFETIME, REFUSAL_LIFETIME).total_seconds())
    assert unionpay.claim(2, "q-2").status == 201


def test_a_pause_that_the_shards_show_first_is_remembered(
    deployment: Deployment, unionpay: Platform
) -> None:
    """The process remembers the campaign as running; a shard refuses, and then nobody asks it."""
    unionpay.claimed(0, "q-0")
    assert Bureau(deployment).pause().status == 200
    with noted_calls(functions.issue.handler._database().client) as calls:
        for person in (1, 2):
            problem = unionpay.claim(person, f"q-{person}", first_attempt=True)
            refused(problem, 409, "CAMPAIGN_PAUSED")
    assert calls == ["TransactWriteItems"]

"""Whether a person may claim: every reason why not, and which comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.shared.domain.campaign import CampaignState, Distribution
from functions.shared.domain.claims import PersonFacts, require_claimable, require_running
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Funds
from tests.support.campaigns import (
    CLOSE_1,
    MEITUAN,
    OPEN,
    REDUCTION,
    ROUND_1,
    ROUND_2,
    TICKET,
    UNIONPAY,
    campaign,
    campaign_document,
)

NOW = datetime.fromisoformat(OPEN)
OPENS_AT = datetime.fromisoformat("2026-01-05T10:00:00+08:00")
CLOSES_AT = datetime.fromisoformat(CLOSE_1)
MOMENT = timedelta(milliseconds=1)
RECORD = CampaignRecord(
    campaign=campaign(),
    document="{}",
    version=3,
    state=CampaignState.RUNNING,
    funds=Funds(appropriated_fen=1, unallocated_fen=1, returned_fen=0, settled_fen=0),
    made_by="li.na",
    made_at=NOW,
)
DIRECT_TYPES = [each | {"distribution": "DIRECT"} for each in campaign_document()["voucher_types"]]
HERE = PersonFacts(real_name=True, located_in="110107")
ASKED: dict[str, Any] = {
    "round_id": ROUND_1,
    "voucher_type_ids": [REDUCTION],
    "platform_id": UNIONPAY,
    "way": Distribution.FIRST_COME,
    "facts": HERE,
    "now": NOW,
}


def refusal(record: CampaignRecord = RECORD, /, **changes: object) -> HuiminError:
    with pytest.raises(HuiminError) as refused:
        require_claimable(record, **(ASKED | changes))
    return refused.value


@pytest.mark.parametrize("now", [OPENS_AT, NOW, CLOSES_AT - MOMENT])
def test_a_claim_is_taken_from_the_opening_to_the_last_instant(now: datetime) -> None:
    asked = ASKED | {"now": now, "voucher_type_ids": [TICKET, REDUCTION, TICKET]}
    in_round, voucher_types = require_claimable(RECORD, **asked)
    assert in_round.round_id == ROUND_1
    assert [each.voucher_type_id for each in voucher_types] == [TICKET, REDUCTION, TICKET]


def test_whom_the_bureau_has_chosen_needs_no_facts_and_no_platform_can_claim_it() -> None:
    direct = replace(RECORD, campaign=campaign(voucher_types=DIRECT_TYPES))
    require_claimable(direct, **(ASKED | {"way": Distribution.DIRECT, "facts": None}))
    with pytest.raises(HuiminError) as refused:
        require_claimable(direct, **ASKED)
    assert refused.value.code is Code.NOT_DISTRIBUTED_SO
    assert refused.value.context == {"voucher_type_id": REDUCTION, "distribution": "DIRECT"}


def test_what_can_be_claimed_is_not_the_bureaus_to_give() -> None:
    assert refusal(way=Distribution.DIRECT, facts=None).code is Code.NOT_DISTRIBUTED_SO


def test_too_early_and_too_late_are_told_apart() -> None:
    early = refusal(now=OPENS_AT - MOMENT)
    assert (early.code, early.context) == (
        Code.ROUND_NOT_OPEN,
        {"opens_at": "2026-01-05T02:00:00.000Z"},
    )
    late = refusal(now=CLOSES_AT)
    assert (late.code, late.context) == (
        Code.ROUND_CLOSED,
        {"closed_at": "2026-01-12T02:00:00.000Z"},
    )
    assert refusal(round_id=ROUND_2).code is Code.ROUND_NOT_OPEN


@pytest.mark.parametrize(
    "changes",
    [
        {"round_id": "r3"},
        {"voucher_type_ids": [REDUCTION, "10-5"]},
        {"platform_id": "nobody"},
        {
            "voucher_type_ids": [TICKET],
            "platform_id": MEITUAN,
        },  # stocked on the other platform only
    ],
)
def test_what_the_platform_has_no_stock_of_does_not_exist_for_it(changes: dict[str, str]) -> None:
    assert refusal(**changes).code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (CampaignState.DRAFT, Code.CAMPAIGN_NOT_RUNNING),
        (CampaignState.FUNDING, Code.CAMPAIGN_NOT_RUNNING),
        (CampaignState.CLOSED, Code.CAMPAIGN_NOT_RUNNING),
        (CampaignState.PAUSED, Code.CAMPAIGN_PAUSED),
    ],
)
def test_only_a_running_campaign_gives(state: CampaignState, code: Code) -> None:
    record = replace(RECORD, state=state)
    assert refusal(record).code is code
    with pytest.raises(HuiminError) as refused:
        require_running(record)
    assert refused.value.code is code


def test_a_running_campaign_runs() -> None:
    require_running(RECORD)


def test_a_campaign_that_is_not_running_says_what_it_is() -> None:
    assert refusal(replace(RECORD, state=CampaignState.CLOSED)).context == {"state": "CLOSED"}


@pytest.mark.parametrize("located_in", ["11", "110107", "119999"])
def test_a_place_is_matched_by_its_beginning(located_in: str) -> None:
    require_claimable(RECORD, **(ASKED | {"facts": PersonFacts(True, located_in)}))


@pytest.mark.parametrize("located_in", [None, "", "1", "120107", "31"])
def test_a_person_elsewhere_or_nowhere_known_is_not_eligible(located_in: str | None) -> None:
    refused = refusal(facts=PersonFacts(True, located_in))
    assert refused.code is Code.NOT_ELIGIBLE
    assert refused.context == {"reason": "LOCATION", "located_in": "11"}


def test_a_person_without_a_verified_name_is_not_eligible_wherever_they_are() -> None:
    refused = refusal(facts=PersonFacts(False, "31"))
    assert (refused.code, refused.context) == (Code.NOT_ELIGIBLE, {"reason": "REAL_NAME"})


def test_any_of_several_places_will_do_and_no_place_asks_for_none() -> None:
    def record(*located_in: str, real_name: bool) -> CampaignRecord:
        person = {
            "identities": ["IDENTITY_NUMBER"],
            "eligibility": {"real_name": real_name, "located_in": list(located_in)},
        }
        return replace(RECORD, campaign=campaign(person=person))

    two = record("3101", "11", real_name=True)
    require_claimable(two, **ASKED)
    refused = refusal(two, facts=PersonFacts(True, "3102"))
    assert refused.context == {"reason": "LOCATION", "located_in": "3101, 11"}
    anyone = record(real_name=False)
    require_claimable(anyone, **(ASKED | {"facts": PersonFacts(False, None)}))


def test_the_first_reason_is_the_one_that_no_wait_can_mend() -> None:
    """What does not exist is told first, then the campaign, then the time, then the person."""
    paused = replace(RECORD, state=CampaignState.PAUSED)
    stranger = PersonFacts(False, None)
    early = OPENS_AT - MOMENT
    everything = {"facts": stranger, "now": early}
    assert refusal(paused, round_id="r3", **everything).code is Code.NOT_FOUND
    assert refusal(paused, **everything).code is Code.CAMPAIGN_PAUSED
    assert refusal(**everything).code is Code.ROUND_NOT_OPEN
    assert refusal(facts=stranger).code is Code.NOT_ELIGIBLE

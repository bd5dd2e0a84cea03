"""Grants at once: a list that several write and several carry out is one voucher a person."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from functions.shared.domain.grants import PARTS
from tests.contract.conftest import MakeSite
from tests.contract.site import NOW, Granter, Stocked, at_once
from tests.support.campaigns import CAMPAIGN_ID, REDUCTION, campaign_document
from tests.support.faults import contended

PERSONS = 60


def direct() -> list[dict[str, Any]]:
    """The voucher types of the document, the reduction to be granted."""
    return [
        each | ({"distribution": "DIRECT"} if each["voucher_type_id"] == REDUCTION else {})
        for each in campaign_document()["voucher_types"]
    ]


def test_a_list_written_and_carried_out_from_eight_places_is_one_voucher_a_person(
    make_site: MakeSite,
) -> None:
    """Under conflicts, which the engine does not know and a sixth of its callers are told of."""
    limits = [{"scope": "CAMPAIGN", "max_count": 1}]
    site = make_site({REDUCTION: Stocked(80, 8)}, limits=limits, voucher_types=direct())
    granters = [site.granter(seed) for seed in range(8)]
    # Each person is sent by two of them.
    halves = [range(20 * (n % 3), 20 * (n % 3) + 20) for n in range(6)]
    at_once([partial(g.list_persons, "g", p) for g, p in zip(granters, halves, strict=False)])
    approved = granters[0].service.approve(
        CAMPAIGN_ID, "g", rows=PERSONS, approver="wang.wei", now=NOW
    )
    assert approved.rows == PERSONS
    chance = Random(1)  # noqa: S311 - which ones does not matter

    def carry_out(number: int, granter: Granter) -> int:
        parts = list(range(PARTS))
        Random(number).shuffle(parts)  # noqa: S311 - as above
        return granter.carry_out("g", parts)

    with contended(
        site.database.client,
        lambda _: chance.random() < 1 / 6,
        at=lambda items: chance.randrange(len(items)),
    ):
        granted = at_once([partial(carry_out, n, g) for n, g in enumerate(granters)])
    assert sum(granted) == PERSONS
    _, progress = granters[0].service.grant(CAMPAIGN_ID, "g")
    assert (progress.granted, progress.refused, progress.left) == (PERSONS, 0, 0)
    vouchers = site.issued()
    assert len({voucher.person_ref for voucher in vouchers}) == len(vouchers) == PERSONS
    assert site.left() == 80 - PERSONS
    site.require_sound()

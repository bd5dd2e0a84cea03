"""Claims at once: never more than the stock, never more than a person's limit, never fewer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from functions.issue.service import Claimed
from functions.shared.domain.errors import Code, HuiminError
from tests.contract.conftest import MakeSite
from tests.contract.site import NOW, Process, Stocked, at_once, codes
from tests.support.campaigns import DISCOUNT, REDUCTION
from tests.support.faults import contended

THREADS = 16
BOTH = {
    "identities": ["IDENTITY_NUMBER", "PHONE"],
    "eligibility": {"real_name": True, "located_in": []},
}
Answer = Claimed | HuiminError


def limits(**counts: int) -> list[dict[str, object]]:
    """The limits section: scope and count."""
    return [{"scope": scope, "max_count": count} for scope, count in counts.items()]


@pytest.mark.parametrize("run", range(10))
def test_500_units_are_sold_to_2000_claims_and_three_to_a_greedy_person(
    make_site: MakeSite, run: int
) -> None:
    """Half of the threads claim for one and the same person, whose limit is three."""
    site = make_site({REDUCTION: Stocked(500, 25)}, limits=limits(CAMPAIGN=3))
    each = 2_000 // THREADS

    def claims(thread: int) -> list[Answer]:
        process = site.process(100 * run + thread)
        people = (0 if thread < THREADS // 2 else 1 + thread * each + n for n in range(each))
        return [process.claim(f"{thread}-{n}", person) for n, person in enumerate(people)]

    answers = [a for found in at_once([partial(claims, t) for t in range(THREADS)]) for a in found]
    told = codes(answers)
    assert told["ISSUED"] == 500
    assert set(told) <= {"ISSUED", "SOLD_OUT", "PERSON_LIMIT_REACHED"}
    vouchers = site.issued()
    assert len(vouchers) == 500
    of_threads = [int(v.request_no.split("-")[0]) for v in vouchers]
    assert sum(thread < THREADS // 2 for thread in of_threads) == 3
    assert site.left() == 0
    site.require_sound()


@pytest.mark.parametrize(
    "scopes",
    [
        {"CAMPAIGN": 8},
        {"VOUCHER_TYPE": 8, "ROUND": 9, "CAMPAIGN": 8, "PLATFORM_PER_ROUND": 8},
    ],
)
def test_as_many_claims_at_once_as_a_person_may_make_all_succeed(
    make_site: MakeSite, scopes: dict[str, int]
) -> None:
    """By both of two identities, under one limit and under four; then one more is refused."""
    site = make_site({REDUCTION: Stocked(100, 10)}, limits=limits(**scopes), person=BOTH)
    answers = at_once([partial(site.process(n).claim, f"n-{n}", 1) for n in range(8)])
    assert codes(answers) == {"ISSUED": 8}
    more = site.process(9).claim("n-9", 1)
    assert isinstance(more, HuiminError)
    assert more.code is Code.PERSON_LIMIT_REACHED
    assert (more.context["limit"], more.context["used"]) == (8, 8)
    site.require_sound()


def test_of_one_claim_too_many_at_once_exactly_one_is_refused(make_site: MakeSite) -> None:
    site = make_site({REDUCTION: Stocked(100, 10)}, limits=limits(CAMPAIGN=8))
    answers = at_once([partial(site.process(n).claim, f"n-{n}", 1) for n in range(9)])
    assert codes(answers) == {"ISSUED": 8, "PERSON_LIMIT_REACHED": 1}
    site.require_sound()


def test_one_number_sent_from_sixteen_places_is_one_voucher(make_site: MakeSite) -> None:
    site = make_site({REDUCTION: Stocked(100, 10)}, limits=limits(CAMPAIGN=8))
    answers = at_once([partial(site.process(n).claim, "same", 1) for n in range(THREADS)])
    assert set(codes(answers)) <= {"ISSUED", "REPLAYED"}
    assert len({a.vouchers[0].voucher_id for a in answers if isinstance(a, Claimed)}) == 1
    assert codes(answers).get("ISSUED", 0) <= 1
    assert site.left() == 99
    site.require_sound()


def test_one_number_with_two_contents_is_one_voucher_and_the_other_is_refused(
    make_site: MakeSite,
) -> None:
    site = make_site({REDUCTION: Stocked(100, 10)}, limits=limits(CAMPAIGN=8))
    answers = at_once([partial(site.process(n).claim, "same", n % 2) for n in range(THREADS)])
    told = codes(answers)
    assert told["KEY_REUSED"] == THREADS // 2
    assert told.get("ISSUED", 0) + told.get("REPLAYED", 0) == THREADS // 2
    assert site.left() == 99
    site.require_sound()


def test_packs_are_whole_or_nothing_beside_single_claims(make_site: MakeSite) -> None:
    """40 units each of two types; packs of one each, and single claims for the same units."""
    site = make_site(
        {REDUCTION: Stocked(40, 4), DISCOUNT: Stocked(40, 4)},
        limits=limits(CAMPAIGN=100),
        packs=[
            {
                "pack_id": "both",
                "name": {"zh": "券包", "en": "Pack"},
                "voucher_type_ids": [REDUCTION, DISCOUNT],
            }
        ],
    )

    def claims(thread: int) -> list[Answer]:
        process = site.process(thread)
        if thread % 2:
            return [process.claim(f"p-{thread}-{n}", thread, pack_id="both") for n in range(10)]
        types = (REDUCTION, DISCOUNT)
        return [process.claim(f"s-{thread}-{n}", thread, type_id=types[n % 2]) for n in range(10)]

    answers = [a for found in at_once([partial(claims, t) for t in range(8)]) for a in found]
    assert set(codes(answers)) <= {"ISSUED", "SOLD_OUT"}
    vouchers = site.issued()
    assert len(vouchers) == sum(len(a.vouchers) for a in answers if isinstance(a, Claimed))
    packs = {v.request_no for v in vouchers if v.request_no.startswith("p-")}
    assert all(sum(v.request_no == number for v in vouchers) == 2 for number in packs)
    assert len(vouchers) == 80
    assert (site.left(REDUCTION), site.left(DISCOUNT)) == (0, 0)
    site.require_sound()


def test_nothing_is_issued_after_a_pause_has_returned(make_site: MakeSite) -> None:
    """Whoever still claims is refused; after the resumption all is sold."""
    site = make_site({REDUCTION: Stocked(400, 20)}, limits=limits(CAMPAIGN=400))
    paused: list[int] = []

    def claims(thread: int) -> list[Answer]:
        process = site.process(thread)
        return [process.claim(f"{thread}-{n}", thread) for n in range(30)]

    def pause() -> list[Answer]:
        while site.left() > 300:
            pass
        site.bureau.pause_campaign(site.pool().campaign_id, NOW)
        paused.append(site.left())
        return []

    acts: list[Callable[[], list[Answer]]] = [partial(claims, thread) for thread in range(8)]
    acts.append(pause)
    answers = [a for found in at_once(acts) for a in found]
    assert "CAMPAIGN_PAUSED" in codes(answers)
    assert site.left() == paused[0]
    site.bureau.resume_campaign(site.pool().campaign_id, NOW)
    later = at_once([partial(_until_sold_out, site.process(50 + n), n) for n in range(8)])
    assert sum(later) == paused[0]
    assert site.left() == 0
    site.require_sound()


def _until_sold_out(process: Process, thread: int) -> int:
    """Claims until it hears SOLD_OUT; how many it got."""
    for number in range(1_000):
        answer = process.claim(f"later-{thread}-{number}", 1_000 + thread)
        if isinstance(answer, HuiminError):
            assert answer.code is Code.SOLD_OUT, answer
            return number
    raise AssertionError("never sold out")


def test_units_that_move_between_shards_meanwhile_are_all_sold(make_site: MakeSite) -> None:
    site = make_site({REDUCTION: Stocked(300, 10)}, limits=limits(CAMPAIGN=300))
    pool = site.pool()

    def move(thread: int) -> int:
        for turn in range(60):
            source = (thread + turn) % 10
            site.shards.move_units(pool, source, (source + 1 + thread) % 10, 1 + turn % 5)
        return 0

    acts: list[Callable[[], int]] = [partial(_until_sold_out, site.process(n), n) for n in range(8)]
    acts += [partial(move, thread) for thread in range(4)]
    sold = sum(at_once(acts))
    assert sold == 300
    assert site.left() == 0
    site.require_sound()


def test_units_that_are_added_and_taken_out_meanwhile_are_neither_lost_nor_sold_twice(
    make_site: MakeSite,
) -> None:
    """Claims go on until nothing is left; what was sold is what is planned in the end."""
    site = make_site({REDUCTION: Stocked(200, 10)}, limits=limits(CAMPAIGN=1_000))

    def change() -> int:
        moved = [site.change_stock(f"c{n}", by) for n, by in enumerate((60, -50, 30, -90, 40))]
        assert moved[0] == 60
        return 0

    acts: list[Callable[[], int]] = [partial(_until_sold_out, site.process(n), n) for n in range(8)]
    sold = sum(at_once([*acts, change]))
    # Who heard "sold out" just before units came may have left some: they are there to be claimed.
    while site.left():
        sold += _until_sold_out(site.process(99), 99)
        site.require_sound()
    assert sold == len(site.issued()) == site.pool().planned_units
    site.require_sound()


def test_conflicts_lose_and_make_nothing(make_site: MakeSite) -> None:
    """The engine knows no TransactionConflict: a third of the transactions are told of one."""
    site = make_site({REDUCTION: Stocked(200, 10)}, limits=limits(CAMPAIGN=200))
    chance = Random(1)  # noqa: S311 - which ones does not matter
    with contended(
        site.database.client,
        lambda _: chance.random() < 1 / 3,
        at=lambda items: chance.randrange(len(items)),
    ):
        sold = sum(at_once([partial(_until_sold_out, site.process(n), n) for n in range(8)]))
    assert sold == 200
    assert site.left() == 0
    site.require_sound()

"""Figures against an auditor's recount from the published CSV files, for made-up seasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.report.figures import Figures, Report
from functions.report.rows import Dimension
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.refund_policies import PartPolicy
from tests.report.builders import FIRST, Issued, Ledger, campaign, noon
from tests.report.published import published, reports
from tests.report.recount import Auditor, Line, lines_of
from tests.report.season import Season

DAYS = 5
PEOPLE = ("a", "b", "c")
SHOPS = (("shop-1", "catering"), ("shop-2", "catering"), ("shop-3", "retail"))
SIZES = ("LARGE", "SMALL", "SELF_EMPLOYED")
# What never adds up over days: a person or a merchant comes back.
DISTINCT = ("claim_users", "redeem_users", "merchants_active")


@dataclass(frozen=True)
class Made:
    """A season as hypothesis made it."""

    campaign: Campaign
    issued: dict[date, list[Issued]]
    ledger: Ledger

    def reports(self) -> list[Report]:
        """The report of each day."""
        return reports(self.campaign, DAYS, self.issued, self.ledger)


@st.composite
def seasons(draw: st.DrawFn) -> Made:
    """Claims, redemptions and refunds of some days, in every mixture."""
    sole = draw(st.booleans())
    of = campaign(days=DAYS, industries=("catering",) if sole else ("catering", "retail"))
    issued: dict[date, list[Issued]] = {}
    days = st.integers(1, DAYS)
    types = st.sampled_from([t.voucher_type_id for t in of.voucher_types])
    platforms = st.sampled_from(of.platform_ids)
    for number in range(draw(st.integers(0, 6))):
        on = FIRST + timedelta(days=draw(days) - 1)
        voucher = Issued(f"v{number}", draw(st.sampled_from(PEOPLE)), draw(types), draw(platforms))
        issued.setdefault(on, []).append(voucher)
    ledger = Ledger(of)
    for number in range(draw(st.integers(0, 5))):
        _redeem(draw, ledger, f"o{number}", draw(days), draw(types), draw(platforms), sole=sole)
    return Made(of, issued, ledger)


def _redeem(
    draw: st.DrawFn,
    ledger: Ledger,
    order_no: str,
    day: int,
    type_id: str,
    platform: str,
    *,
    sole: bool,
) -> None:
    shop, industry = draw(st.sampled_from(SHOPS[:2] if sole else SHOPS))
    ledger.redeem(
        order_no,
        noon(day, draw(st.integers(0, 30))),
        person=draw(st.sampled_from(PEOPLE)),
        merchant=shop,
        industry=industry,
        size_class=draw(st.sampled_from(SIZES)),
        platform=platform,
        type_id=type_id,
        order_fen=draw(st.integers(20_000, 30_000)),
        merchant_discount_fen=draw(st.integers(0, 500)),
        platform_discount_fen=draw(st.integers(0, 500)),
    )
    policy = draw(st.sampled_from(PartPolicy))
    for number in range(draw(st.integers(0, 3))):
        amounts = ledger.redemptions[order_no]
        left_fen = amounts.amounts.refundable_fen - amounts.refunded.refunded_fen
        if not left_fen:
            return
        day = draw(st.integers(day, DAYS))
        part_fen = draw(st.one_of(st.none(), st.integers(1, left_fen)))
        ledger.refund(order_no, f"f{number}", noon(day, 40 + number), part_fen, policy)


def groups(figures: Figures) -> list[tuple[Dimension, tuple[str, ...]]]:
    """Every group of every dimension."""
    return [(dimension, key) for dimension in Dimension for key in figures.keys(dimension)]


@given(seasons())
@settings(max_examples=100, deadline=None)
def test_net_is_gross_less_refunded_and_no_part_of_it_is_lost(made: Made) -> None:
    """In every group; and the voucher's money is what its three funders and nobody else gave."""
    for report in made.reports():
        for figures in (report.day.figures, report.cumulative):
            for dimension, key in groups(figures):
                tally = figures.of(dimension, *key)
                assert tally.net_redemption_fen == (
                    tally.redemption_fen - tally.refunded_voucher_fen
                )
                assert tally.net_order_fen == tally.order_fen - tally.refunded_order_fen
                assert tally.refunded_voucher_fen <= tally.refund_fen <= tally.refunded_order_fen
                matches_fen = tally.platform_match_fen + tally.merchant_match_fen
                assert tally.fiscal_fen + matches_fen >= tally.redemption_fen


@given(seasons())
@settings(max_examples=100, deadline=None)
def test_the_cumulative_figures_are_the_sum_of_the_days(made: Made) -> None:
    """But distinct users and merchants: these are at least the busiest day, at most the sum."""
    days = made.reports()
    for until, report in enumerate(days, start=1):
        for dimension, key in groups(report.cumulative):
            total = report.cumulative.of(dimension, *key)
            parts = [day.day.figures.of(dimension, *key) for day in days[:until]]
            for name in total.__slots__:
                values = [getattr(part, name) for part in parts]
                if name in DISTINCT:
                    assert max(values) <= getattr(total, name) <= sum(values)
                else:
                    assert getattr(total, name) == sum(values), name


@given(seasons())
@settings(max_examples=100, deadline=None)
def test_users_and_merchants_are_as_many_as_there_are(made: Made) -> None:
    """Counted from the persons and merchants themselves, whom the published rows do not name."""
    *_, report = made.reports()
    claims = [claim for claims in made.issued.values() for claim in claims]
    redeemed = list(made.ledger.redemptions.values())
    total = report.cumulative.of(Dimension.CAMPAIGN)
    assert total.claim_users == len({claim.person_ref for claim in claims})
    assert total.redeem_users == len({entry.person_ref for entry in redeemed})
    assert total.merchants_active == len({entry.merchant_id for entry in redeemed})
    for platform_id in made.campaign.platform_ids:
        tally = report.cumulative.of(Dimension.PLATFORM, platform_id)
        through = [claim for claim in claims if claim.platform_id == platform_id]
        assert tally.claim_users == len({claim.person_ref for claim in through})
    for industry, size in report.cumulative.keys(Dimension.INDUSTRY_SIZE_CLASS):
        tally = report.cumulative.of(Dimension.INDUSTRY_SIZE_CLASS, industry, size)
        there = [e for e in redeemed if (e.industry, e.size_class) == (industry, size)]
        assert tally.merchants_active == len({entry.merchant_id for entry in there})


@given(seasons())
@settings(max_examples=60, deadline=None)
def test_a_redemption_is_closed_by_the_refund_that_takes_the_last_of_it(made: Made) -> None:
    left_fen: dict[str, int] = {}
    for files in published(made.campaign, made.reports()):
        for line in lines_of(files["entries.csv"]):
            named, refund_fen = line["redemption_id"], int(line["voucher_fen"])
            refund_fen += int(line["paid_fen"])
            if line["entry_type"] == "REDEEM":
                left_fen[named] = refund_fen
                continue
            left_fen[named] -= refund_fen
            assert line["closes"] == str(int(left_fen[named] == 0))


@given(seasons())
@settings(max_examples=100, deadline=None)
def test_the_course_ends_where_the_cumulative_figures_do(made: Made) -> None:
    """What is left of each day's redemptions adds up to all that is left; restatements explain it.

    A day's change from the report before to this one is what is listed as restated, and no more.
    """
    before: dict[date, int] = {}
    for report in made.reports():
        now = {line.on: line.now_fen for line in report.course}
        total = report.cumulative.of(Dimension.CAMPAIGN)
        assert sum(now.values()) == total.net_redemption_fen
        changes: dict[date, int] = {}
        for line in report.restatements:
            assert line.redeemed_on < report.day.on
            changes[line.redeemed_on] = changes.get(line.redeemed_on, 0) + line.change_fen
        for on, was in before.items():
            assert now[on] - was == changes.get(on, 0)
        before = now


@given(seasons(), st.randoms())
@settings(max_examples=25, deadline=None)
def test_the_order_in_which_the_indexes_answer_does_not_matter(made: Made, random: object) -> None:
    first = published(made.campaign, made.reports())
    for rows in (*made.issued.values(), *made.ledger.entries.values()):
        random.shuffle(rows)  # type: ignore[attr-defined] # hypothesis gives a Random
    assert published(made.campaign, made.reports()) == first


@given(seasons())
@settings(max_examples=40, deadline=None)
def test_every_published_figure_is_found_again_from_the_rows(made: Made) -> None:
    check_against_recount(made.campaign, published(made.campaign, made.reports()))


def test_a_whole_season_is_found_again_from_the_rows() -> None:
    season = Season(days=10, claims_per_day=40)
    days = published(season.campaign, list(season.reports()))
    check_against_recount(season.campaign, days[-2:], days[:-2])
    restated = lines_of(days[-1]["restated_days.csv"])
    assert restated


def check_against_recount(
    of: Campaign, checked: Sequence[dict[str, bytes]], earlier: Sequence[dict[str, bytes]] = ()
) -> None:
    """Compares every cell of every table of figures with the auditor's own."""
    for number in range(1, len(checked) + 1):
        days = [*earlier, *checked[:number]]
        files, auditor = days[-1], Auditor(days)
        on = (FIRST + timedelta(days=len(days) - 1)).isoformat()
        sole = len(of.scope.industries) == 1
        for row in lines_of(files["by_industry.csv"]):
            expected = auditor.industry(row["scope"], row["industry"], sole=sole)
            assert row == {"scope": row["scope"], "industry": row["industry"], **expected}
        for row in lines_of(files["by_platform.csv"]):
            expected = auditor.platform(row["scope"], row["platform_id"])
            assert row == {"scope": row["scope"], "platform_id": row["platform_id"], **expected}
        for row in lines_of(files["by_voucher_type.csv"]):
            expected = auditor.voucher_type(row["scope"], row["voucher_type_id"])
            assert {name: row[name] for name in expected} == expected
            assert set(row) == {*expected, "scope", "voucher_type_id", "pull_ratio_floor"}
        for row in lines_of(files["by_size_class.csv"]):
            got = auditor.size(row["scope"], row["industry"], row["size_class"])
            names = set(row) - {"scope", "industry", "size_class", "pull_ratio"}
            assert {name: row[name] for name in names} == {name: str(got[name]) for name in names}
        _check_days(files, auditor, on)


def _check_days(files: dict[str, bytes], auditor: Auditor, on: str) -> None:
    until = len(auditor.entries)
    course = lines_of(files["by_day.csv"])
    assert len(course) == until
    for place, row in enumerate(course):
        day = Auditor([])
        day.claims, day.entries = auditor.claims[: place + 1], auditor.entries[: place + 1]
        expected = day.industry("DAILY", "ALL", sole=False)
        then = day.net_of_cohort(row["business_on"], industry=None, until=place + 1)
        now = auditor.net_of_cohort(row["business_on"], industry=None, until=until)
        own: Line = {
            "business_on": row["business_on"],
            "first_net_fen": str(then),
            "now_net_fen": str(now),
            "restated_fen": str(now - then),
        }
        assert row == {name: own.get(name) or expected[name] for name in row}
    for row in lines_of(files["restated_days.csv"]):
        which = (row["redeemed_on"], row["industry"])
        was = auditor.net_of_cohort(which[0], industry=which[1], until=until - 1)
        now = auditor.net_of_cohort(which[0], industry=which[1], until=until)
        assert row["recorded_on"] == on
        assert row["was_net_fen"] == str(was)
        assert row["now_net_fen"] == str(now)
        assert row["change_fen"] == str(now - was)
    late = {
        (line["redeemed_on"], line["industry"])
        for line in auditor.entries[-1]
        if line["entry_type"] == "REFUND" and line["redeemed_on"] < on
    }
    found = {(row["redeemed_on"], row["industry"]) for row in lines_of(files["restated_days.csv"])}
    assert found == late

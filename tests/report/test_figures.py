"""Worked examples: the figures of a few days, computed by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from functions.report.figures import History, Report, Restatement, Tally
from functions.report.labels import Labels
from functions.report.rows import Dimension
from functions.report.tables import by_industry, by_voucher_type, pull_ratio_floor
from functions.shared.domain.campaign import (
    Campaign,
    OrderShareCap,
    Text,
    Validity,
    ValidityKind,
    VoucherType,
)
from functions.shared.domain.money import FundingShares
from functions.shared.domain.orders import Benefit, ThresholdBase, VoucherKind
from tests.report.builders import FIRST, Issued, Ledger, campaign, noon
from tests.report.published import reports

DAY_1, DAY_4 = FIRST, FIRST + timedelta(days=3)
FISCAL = FundingShares(fiscal_bp=10_000, platform_bp=0, merchant_bp=0)


def four_days() -> tuple[Report, ...]:
    """Two industries, two platforms, a whole and a part refund on the day, one of each later.

    day 1   a claims two, b one; a redeems 20 of 60.00 (o1) and, shared, 40 of 120.00 (o2);
            b redeems 20 of 50.00 (o3) and gets all of it back the same day
    day 2   a claims one more; c, who claimed nothing here, redeems 20 of 80.00 (o4)
    day 3   nothing
    day 4   a gets half of o2 back, and all of o1
    """
    of = campaign(days=4)
    ledger = Ledger(of)
    issued = {
        DAY_1: [
            Issued("v1", "a"),
            Issued("v2", "a", "d100-40", "meituan"),
            Issued("v3", "b"),
        ],
        DAY_1 + timedelta(days=1): [Issued("v4", "a")],
    }
    ledger.redeem("o1", noon(1), person="a", order_fen=6_000)
    ledger.redeem(
        "o2",
        noon(1, 5),
        person="a",
        platform="meituan",
        type_id="d100-40",
        industry="retail",
        size_class="LARGE",
        merchant="shop-2",
        order_fen=12_000,
        merchant_discount_fen=600,
        platform_discount_fen=400,
    )
    ledger.redeem("o3", noon(1, 10), person="b", order_fen=5_000)
    ledger.refund("o3", "f1", noon(1, 20))
    ledger.redeem("o4", noon(2), person="c", order_fen=8_000)
    # Of voucher 40.00 and cash 70.00, half: 20.00 and 35.00.
    ledger.refund("o2", "f2", noon(4), 5_500)
    ledger.refund("o1", "f3", noon(4, 1))
    return tuple(reports(of, 4, issued, ledger))


def test_the_first_day_by_hand() -> None:
    tally = four_days()[0].day.figures.of(Dimension.CAMPAIGN)
    assert tally == Tally(
        issued_count=3,
        issued_fen=2_000 + 4_000 + 2_000,
        claim_users=2,
        redeem_users=2,
        merchants_active=2,
        redemption_count=3,
        reversed_count=1,
        order_fen=6_000 + 12_000 + 5_000,
        refunded_order_fen=5_000,
        redemption_fen=2_000 + 4_000 + 2_000,
        refunded_voucher_fen=2_000,
        fiscal_fen=2_000 + 2_000 + 2_000,
        refunded_fiscal_fen=2_000,
        # 30 % of 40.00, and the platform's own 4.00.
        platform_match_fen=1_200 + 400,
        refunded_platform_match_fen=0,
        # 20 % of 40.00, and the merchant's own 6.00.
        merchant_match_fen=800 + 600,
        refunded_merchant_match_fen=0,
        refund_count=1,
        refund_fen=5_000,
    )
    assert tally.net_redemption_count == 2
    assert tally.net_redemption_fen == 6_000
    assert tally.net_fiscal_fen == 4_000
    assert tally.net_order_fen == 18_000
    assert tally.net_platform_match_fen == 1_600
    assert tally.net_merchant_match_fen == 1_400


def test_a_late_refund_counts_on_its_own_day_and_makes_it_negative() -> None:
    """Half of o2 takes back half of every part of it, own discounts included."""
    tally = four_days()[3].day.figures.of(Dimension.CAMPAIGN)
    assert (tally.redemption_count, tally.refund_count, tally.reversed_count) == (0, 2, 1)
    assert tally.refund_fen == 5_500 + 6_000
    assert tally.refunded_order_fen == 6_000 + 6_000
    assert tally.net_redemption_fen == -4_000
    assert tally.net_fiscal_fen == -1_000 - 2_000
    assert tally.net_platform_match_fen == -600 - 200
    assert tally.net_merchant_match_fen == -400 - 300
    assert tally.redeem_users == 0
    assert tally.merchants_active == 0


def test_the_cumulative_figures_by_hand() -> None:
    tally = four_days()[3].cumulative.of(Dimension.CAMPAIGN)
    assert tally.issued_count == 4
    assert tally.claim_users == 2
    assert tally.redeem_users == 3
    assert tally.merchants_active == 2
    assert tally.redemption_count == 4
    assert tally.net_redemption_count == 2
    assert tally.net_redemption_fen == 10_000 - 2_000 - 4_000
    # o4 whole and half of o2: 80.00 + 60.00 of orders for 20.00 + 10.00 of public money.
    assert (tally.net_order_fen, tally.net_fiscal_fen) == (14_000, 3_000)


def test_earlier_reports_do_not_move() -> None:
    """What day 1 says is the same whether or not its redemptions are refunded on day 4."""
    of = campaign(days=4)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1))
    (before,) = reports(of, 1, {}, ledger)
    ledger.refund("o1", "f1", noon(4))
    after = reports(of, 4, {}, ledger)
    tables = [by_industry(report, of, Labels(None)) for report in (before, after[0])]
    assert tables[0] == tables[1]
    assert after[0].restatements == ()


def test_days_restated_say_what_was_and_what_is_now() -> None:
    made = four_days()
    assert made[0].restatements == ()
    assert made[3].restatements == (
        Restatement(
            redeemed_on=DAY_1,
            industry="catering",
            refund_count=1,
            redemption_fen=4_000,
            was_fen=2_000,
            now_fen=0,
        ),
        Restatement(
            redeemed_on=DAY_1,
            industry="retail",
            refund_count=1,
            redemption_fen=4_000,
            was_fen=4_000,
            now_fen=2_000,
        ),
    )
    assert [line.change_fen for line in made[3].restatements] == [-2_000, -2_000]


def test_the_course_shows_each_day_first_and_now() -> None:
    course = four_days()[3].course
    assert [line.on.day for line in course] == [1, 2, 3, 4]
    assert [(line.first_fen, line.now_fen) for line in course] == [
        (6_000, 2_000),
        (2_000, 2_000),
        (0, 0),
        (0, 0),
    ]
    assert [line.restated_fen for line in course] == [-4_000, 0, 0, 0]
    assert [line.tally.net_redemption_fen for line in course] == [6_000, 2_000, 0, -4_000]


def test_what_was_issued_stands_on_an_industry_only_where_there_is_one() -> None:
    of = campaign(days=4)
    rows = _rows(four_days()[0], of)
    assert rows["DAILY", "ALL"]["issued_count"] == 3
    assert rows["DAILY", "ALL"]["redemption_rate_count"] == (2, 3)
    assert rows["DAILY", "ALL"]["redemption_rate_amount"] == (6_000, 8_000)
    assert rows["DAILY", "catering"]["issued_count"] is None
    assert rows["DAILY", "catering"]["redemption_rate_amount"] is None
    single = campaign(days=1, industries=("catering",))
    ledger = Ledger(single)
    ledger.redeem("o1", noon(1))
    (report,) = reports(single, 1, {DAY_1: [Issued("v1", "a"), Issued("v2", "b")]}, ledger)
    rows = _rows(report, single)
    assert rows["DAILY", "catering"]["issued_count"] == 2
    assert rows["CUMULATIVE", "catering"]["claim_users"] == 2
    assert rows["DAILY", "catering"]["redemption_rate_count"] == (1, 2)


def test_an_industry_where_nothing_happened_has_a_row_of_zeros() -> None:
    of = campaign(days=1, industries=("catering", "retail", "bicycle"))
    (report,) = reports(of, 1, {}, Ledger(of))
    rows = _rows(report, of)
    assert [key[1] for key in rows if key[0] == "DAILY"] == ["ALL", "catering", "retail", "bicycle"]
    assert rows["DAILY", "bicycle"]["redemption_count"] == 0
    assert rows["DAILY", "bicycle"]["pull_ratio"] == (0, 0)


def test_users_are_distinct_over_platforms_industries_and_days() -> None:
    """One person at two merchants through two platforms on two days is one user of the campaign."""
    of = campaign(days=2)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1), person="a")
    ledger.redeem("o2", noon(1, 1), person="a", platform="meituan", industry="retail")
    ledger.redeem("o3", noon(2), person="a")
    claims = {DAY_1: [Issued("v1", "a"), Issued("v2", "a", platform_id="meituan")]}
    total = reports(of, 2, claims, ledger)[1].cumulative
    assert total.of(Dimension.CAMPAIGN).redeem_users == 1
    assert total.of(Dimension.CAMPAIGN).claim_users == 1
    for platform_id in ("unionpay", "meituan"):
        assert total.of(Dimension.PLATFORM, platform_id).redeem_users == 1
        assert total.of(Dimension.PLATFORM, platform_id).claim_users == 1
    assert total.of(Dimension.INDUSTRY, "catering").redeem_users == 1


def test_a_merchant_that_changed_its_size_counts_in_each_and_once_in_all() -> None:
    of = campaign(days=2)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1), merchant="shop-1", size_class="MICRO")
    ledger.redeem("o2", noon(2), merchant="shop-1", size_class="SMALL")
    report = reports(of, 2, {}, ledger)[1]
    rows = _rows(report, of)
    assert rows["CUMULATIVE", "catering"]["merchants_active"] == 1
    assert rows["CUMULATIVE", "catering"]["merchants_micro"] == 1
    assert rows["CUMULATIVE", "catering"]["merchants_small"] == 1
    assert rows["DAILY", "catering"]["merchants_micro"] == 0


def test_only_the_refund_that_empties_a_redemption_reverses_it() -> None:
    of = campaign(days=3)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1), order_fen=6_000)
    ledger.refund("o1", "f1", noon(2), 1_000)
    ledger.refund("o1", "f2", noon(3))
    made = reports(of, 3, {}, ledger)
    reversed_counts = [r.day.figures.of(Dimension.CAMPAIGN).reversed_count for r in made]
    assert reversed_counts == [0, 0, 1]
    assert made[2].cumulative.of(Dimension.CAMPAIGN).net_redemption_count == 0
    assert made[2].cumulative.of(Dimension.CAMPAIGN).net_redemption_fen == 0


def of_type(benefit: Benefit, *caps: OrderShareCap) -> VoucherType:
    return VoucherType(
        "t", Text("券", "Voucher"), benefit, Validity(ValidityKind.ROUND), order_share_caps=caps
    )


@pytest.mark.parametrize(
    ("changes", "floor"),
    [
        ({"face_fen": 2_000, "threshold_fen": 5_000}, (5_000, 2_000)),
        ({"face_fen": 2_000, "threshold_fen": 1_000}, (1, 1)),
        ({"face_fen": 2_000, "threshold_fen": 0, "order_share_cap_bp": 2_000}, (10_000, 2_000)),
    ],
)
def test_the_floor_of_the_pull_ratio_follows_from_the_rules(
    changes: dict[str, int], floor: tuple[int, int]
) -> None:
    benefit = Benefit(
        kind=VoucherKind.INSTANT_REDUCTION,
        threshold_base=ThresholdBase.ORDER,
        funding=FISCAL,
        **changes,
    )
    assert pull_ratio_floor(of_type(benefit)) == floor


def test_the_floor_of_a_discount_is_its_percentage_or_its_cap() -> None:
    def discount(threshold_fen: int) -> Benefit:
        return Benefit(
            kind=VoucherKind.DISCOUNT,
            threshold_fen=threshold_fen,
            threshold_base=ThresholdBase.ORDER,
            funding=FISCAL,
            percent_off_bp=2_500,
            cap_fen=5_000,
        )

    assert pull_ratio_floor(of_type(discount(10_000))) == (10_000, 2_500)
    assert pull_ratio_floor(of_type(discount(30_000))) == (30_000, 5_000)


def test_caps_of_some_orders_are_no_floor_for_the_others() -> None:
    """Shows are capped at half of the order, dining at a fifth; the least counts."""
    benefit = Benefit(
        kind=VoucherKind.TICKET,
        face_fen=2_000,
        threshold_fen=0,
        threshold_base=ThresholdBase.ORDER,
        funding=FISCAL,
        order_share_cap_bp=2_000,
    )
    shows = OrderShareCap(5_000, industries=("shows",))
    assert pull_ratio_floor(of_type(benefit, shows)) == (10_000, 5_000)
    assert pull_ratio_floor(of_type(benefit, OrderShareCap(1_000))) == (10_000, 2_000)


def test_every_voucher_type_has_its_rows_and_its_floor() -> None:
    of = campaign(days=4)
    table = by_voucher_type(four_days()[3], of, Labels(None))
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, cells, strict=True)) for cells in table.cells]
    assert [row["voucher_type_id"] for row in rows] == ["d50-20", "d100-40"] * 2
    assert [row["pull_ratio_floor"] for row in rows] == [(5_000, 2_000), (10_000, 4_000)] * 2
    assert [row["issued_count"] for row in rows] == [0, 0, 3, 1]


def test_days_are_taken_in_order_and_each_once() -> None:
    history = History({})
    history.take(DAY_4, (), ())
    with pytest.raises(ValueError, match="does not follow"):
        history.take(DAY_4, (), ())
    with pytest.raises(ValueError, match="does not follow"):
        history.take(DAY_1, (), ())


def test_a_refund_without_its_redemption_stops_the_report() -> None:
    """The index lags or the ledger is broken: no report is better than a wrong one."""
    of = campaign(days=2)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1))
    ledger.refund("o1", "f1", noon(2))
    history = History({"d50-20": 2_000})
    with pytest.raises(KeyError):
        history.take(date(2026, 7, 2), (), ledger.of(date(2026, 7, 2)))


def test_refunds_beyond_a_redemption_stop_the_report() -> None:
    of = campaign(days=1)
    ledger = Ledger(of)
    ledger.redeem("o1", noon(1))
    refund = ledger.refund("o1", "f1", noon(1, 1))
    entries = [*ledger.of(DAY_1), refund]
    with pytest.raises(ValueError, match="more is refunded"):
        History({}).take(DAY_1, (), entries)


def _rows(report: Report, of: Campaign) -> dict[tuple[object, object], dict[str, object]]:
    table = by_industry(report, of, Labels(None))
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, cells, strict=True)) for cells in table.cells]
    return {(row["scope"], row["industry"]): dict(row) for row in rows}

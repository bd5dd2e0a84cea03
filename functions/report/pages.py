"""The report as one page for people: key figures first, then charts, tables and how to read them.

The page shows fewer columns than the files; every figure on it is a cell of one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from functions.report.figures import DayLine, Report, Tally
from functions.report.labels import Labels, Scope
from functions.report.measures import (
    CLAIM_USERS,
    ISSUED_COUNT,
    ISSUED_FEN,
    MERCHANTS_ACTIVE,
    NET_MERCHANT_MATCH_FEN,
    NET_ORDER_FEN,
    NET_PLATFORM_MATCH_FEN,
    NET_REDEMPTION_FEN,
    NOTES,
    PULL_RATIO,
    RATE_AMOUNT,
    RATE_COUNT,
    REDEEM_USERS,
    REDEMPTION_COUNT,
    REDEMPTION_FEN,
    REFUND_COUNT,
    REFUND_FEN,
    REFUNDED_VOUCHER_FEN,
    REVERSED_COUNT,
    Measure,
)
from functions.report.rows import Dimension
from functions.report.tables import (
    FIRST_NET,
    FLOOR,
    NOW_NET,
    RESTATED,
    SCOPE,
    SIZE_COLUMNS,
    by_day,
    by_industry,
    by_platform,
    by_voucher_type,
    industries_of,
    pull_ratio_floor,
    restated_days,
)
from functions.shared.domain.campaign import Campaign
from functions.shared.files.charts import Chart, ChartKind, Series
from functions.shared.files.columns import ColumnKind, Table
from functions.shared.files.facts import Facts, Words
from functions.shared.files.html_out import Card, render_page
from functions.shared.files.numerals import percent_text, ratio_text, yuan_text

CHARTED_DAYS: Final = 92
"""The last days that the chart of days shows: a quarter of a year stays legible."""

LISTED_DAYS: Final = 92
"""The last days that the page lists; the files have all."""

# What was issued comes last: on a phone the first columns show, and industries have none of it.
_MONEY: Final = (
    REDEMPTION_FEN,
    REFUNDED_VOUCHER_FEN,
    NET_REDEMPTION_FEN,
    PULL_RATIO,
    NET_ORDER_FEN,
    NET_PLATFORM_MATCH_FEN,
    NET_MERCHANT_MATCH_FEN,
    ISSUED_FEN,
    RATE_AMOUNT,
)
_PEOPLE: Final = (
    REDEEM_USERS,
    REDEMPTION_COUNT,
    REVERSED_COUNT,
    REFUND_COUNT,
    REFUND_FEN,
    MERCHANTS_ACTIVE,
    ISSUED_COUNT,
    CLAIM_USERS,
    RATE_COUNT,
)
_DAYS: Final = (
    ISSUED_COUNT,
    ISSUED_FEN,
    REDEMPTION_COUNT,
    REDEMPTION_FEN,
    REFUNDED_VOUCHER_FEN,
    NET_REDEMPTION_FEN,
)
_COHORTS: Final = (FIRST_NET.name, NOW_NET.name, RESTATED.name)


def render_report(report: Report, campaign: Campaign, open_breaks: Table, facts: Facts) -> bytes:
    """The page's file."""
    labels = Labels(campaign)
    name = campaign.name
    return render_page(
        title=Words(f"{name.zh} · T+1 统计日报", f"{name.en}: T+1 report"),
        subtitle=Words(
            f"业务日期 {report.day.on}。金额单位为元；累计自活动首日起。",
            f"Business date {report.day.on}. Amounts in yuan; cumulative from the campaign's "
            "first day.",
        ),
        facts=facts,
        cards=_cards(report, campaign),
        charts=_charts(report, campaign, labels),
        tables=(*_tables(report, campaign, labels), open_breaks),
        notes=NOTES,
    )


def _cards(report: Report, campaign: Campaign) -> tuple[Card, ...]:
    total = report.cumulative.of(Dimension.CAMPAIGN)
    today = report.day.figures.of(Dimension.CAMPAIGN)
    match_fen = total.net_platform_match_fen + total.net_merchant_match_fen
    return (
        Card(
            Words("累计发放", "Issued"),
            total.issued_fen,
            ColumnKind.FEN,
            Words(
                f"{total.issued_count:,} 张，当日 {today.issued_count:,} 张",
                f"{total.issued_count:,} vouchers, {today.issued_count:,} today",
            ),
        ),
        Card(
            Words("累计净核销", "Redeemed, net"),
            total.net_redemption_fen,
            ColumnKind.FEN,
            _of_today(today.net_redemption_fen),
        ),
        Card(
            Words("核销率（金额）", "Redemption rate by amount"),
            RATE_AMOUNT.value(total),
            ColumnKind.RATE,
            _rate_note(total),
        ),
        Card(
            Words("拉动比", "Pull ratio"),
            PULL_RATIO.value(total),
            ColumnKind.RATIO,
            _floor_note(campaign),
        ),
        Card(
            Words("领券人数", "Claiming users"),
            total.claim_users,
            ColumnKind.COUNT,
            Words(f"核销 {total.redeem_users:,} 人", f"{total.redeem_users:,} have redeemed"),
        ),
        Card(
            Words("参与商户", "Merchants taking part"),
            total.merchants_active,
            ColumnKind.COUNT,
            Words(
                f"当日有核销的 {today.merchants_active:,} 家",
                f"{today.merchants_active:,} with a redemption today",
            ),
        ),
        Card(
            Words("平台与商户净配套", "Platform and merchant match, net"),
            match_fen,
            ColumnKind.FEN,
            Words(
                f"平台 {yuan_text(total.net_platform_match_fen)}，"
                f"商户 {yuan_text(total.net_merchant_match_fen)}",
                f"platforms {yuan_text(total.net_platform_match_fen)}, "
                f"merchants {yuan_text(total.net_merchant_match_fen)}",
            ),
        ),
        Card(
            Words("冲回券金额", "Taken back"),
            total.refunded_voucher_fen,
            ColumnKind.FEN,
            Words(
                f"退款 {total.refund_count:,} 笔，当日 {today.refund_count:,} 笔",
                f"{total.refund_count:,} refunds, {today.refund_count:,} today",
            ),
        ),
    )


def _of_today(net_fen: int) -> Words:
    return Words(f"当日 {yuan_text(net_fen)}", f"{yuan_text(net_fen)} today")


def _rate_note(total: Tally) -> Words:
    rate = percent_text((total.net_redemption_count, total.issued_count))
    return Words(f"按张数 {rate}", f"{rate} by count")


def _floor_note(campaign: Campaign) -> Words:
    floors = sorted({ratio_text(pull_ratio_floor(t)) for t in campaign.voucher_types})
    shown = floors[0] if len(floors) == 1 else f"{floors[0]}–{floors[-1]}"
    return Words(
        f"规则决定的下限 {shown}（门槛 ÷ 面额）", f"floor by the rules {shown} (threshold ÷ face)"
    )


def _charts(report: Report, campaign: Campaign, labels: Labels) -> tuple[Chart, ...]:
    return (
        _chart_of_days(report.course[-CHARTED_DAYS:]),
        _chart_of_money(report, campaign, labels),
    )


def _chart_of_days(course: Sequence[DayLine]) -> Chart:
    return Chart(
        ChartKind.BARS,
        Words("逐日发放与核销", "Issued and redeemed, day by day"),
        Words(
            "每日发放金额与净核销金额；退款在登记之日冲减，可使当日为负。",
            "Amount issued and net amount redeemed each day; refunds lower the day on which they "
            "are recorded, which can make it negative.",
        ),
        tuple(f"{line.on:%m-%d}" for line in course),
        (
            Series(
                Words("发放金额", "Amount issued"), tuple(line.tally.issued_fen for line in course)
            ),
            Series(
                Words("净核销金额", "Redeemed, net"),
                tuple(line.tally.net_redemption_fen for line in course),
            ),
        ),
    )


def _chart_of_money(report: Report, campaign: Campaign, labels: Labels) -> Chart:
    """Who paid for what was redeemed: by industry, or by voucher type where there is one only."""
    figures = report.cumulative
    industries = industries_of(figures, campaign)
    if len(industries) > 1:
        by = Words("分行业", "By industry")
        groups = [
            (labels.industry_zh(name), figures.of(Dimension.INDUSTRY, name)) for name in industries
        ]
    else:
        by = Words("分券种", "By voucher type")
        groups = [
            (voucher_type.name.zh, figures.of(Dimension.VOUCHER_TYPE, voucher_type.voucher_type_id))
            for voucher_type in campaign.voucher_types
        ]
    sources = (
        (Words("财政", "Public"), [tally.net_fiscal_fen for _, tally in groups]),
        (
            Words("平台配套", "Platform match"),
            [tally.net_platform_match_fen for _, tally in groups],
        ),
        (
            Words("商户配套", "Merchant match"),
            [tally.net_merchant_match_fen for _, tally in groups],
        ),
    )
    return Chart(
        ChartKind.STACKED_BARS,
        Words(f"{by.zh}：优惠由谁承担（累计净额）", f"{by.en}: who paid, cumulative and net"),
        Words(
            "财政、平台与商户各自承担的优惠，已扣除退款冲回部分。",
            "What the public budget, the platforms and the merchants gave, less what came back.",
        ),
        tuple(label for label, _ in groups),
        tuple(Series(words, tuple(values)) for words, values in sources),
    )


def _tables(report: Report, campaign: Campaign, labels: Labels) -> tuple[Table, ...]:
    """The tables for reading: fewer columns, and the day's and the cumulative rows apart."""
    industries = by_industry(report, campaign, labels)
    types = by_voucher_type(report, campaign, labels)
    platforms = by_platform(report, campaign, labels)
    total, day = labels.scope(Scope.CUMULATIVE), labels.scope(Scope.DAILY)
    money, people = _names(_MONEY), _names(_PEOPLE)
    sizes = (*_names([MERCHANTS_ACTIVE]), *(column.name for _, column in SIZE_COLUMNS))
    parts = (
        (industries, total, money, Words("分行业金额（累计）", "Amounts by industry, cumulative")),
        (
            industries,
            total,
            people,
            Words("分行业人数与笔数（累计）", "Counts by industry, cumulative"),
        ),
        (industries, day, money, Words("分行业金额（当日）", "Amounts by industry, of the day")),
        (
            industries,
            day,
            people,
            Words("分行业人数与笔数（当日）", "Counts by industry, of the day"),
        ),
        (
            types,
            total,
            (*money, FLOOR.name),
            Words("分券种（累计）", "By voucher type, cumulative"),
        ),
        (platforms, total, money, Words("分平台（累计）", "By platform, cumulative")),
        (industries, total, sizes, Words("商户规模（累计）", "Merchants by size, cumulative")),
    )
    listed = [_part(table, scope, columns, title) for table, scope, columns, title in parts]
    course = by_day(report.course[-LISTED_DAYS:])
    days = _part(course, None, _names(_DAYS) + _COHORTS, Words(course.title_zh, course.title_en))
    return (*listed[:4], restated_days(report, labels), *listed[4:], days)


def _part(table: Table, scope: str | None, keep: Sequence[str], title: Words) -> Table:
    """The rows of one scope, if it has scopes; the column that names the row, and those to keep."""
    names = [column.name for column in table.columns]
    first = 0 if scope is None else 1
    places = [first, *(names.index(column) for column in keep)]
    return Table(
        table.name,
        title.zh,
        title.en,
        [table.columns[place] for place in places],
        (
            {names[place]: cells[place] for place in places}
            for cells in table.cells
            if scope is None or cells[names.index(SCOPE.name)] == scope
        ),
        totals=set(table.totals) & {names[place] for place in places},
    )


def _names(measures: Iterable[Measure]) -> tuple[str, ...]:
    return tuple(measure.column.name for measure in measures)

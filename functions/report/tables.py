"""The report as tables: the same figures for machines (codes) and for people (words)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from functions.report.figures import DayLine, Figures, Report, Restatement, Tally
from functions.report.labels import ALL, SIZE_CLASSES, Labels, Scope
from functions.report.measures import ALL as ALL_MEASURES
from functions.report.measures import (
    CLAIM_USERS,
    ISSUED_COUNT,
    ISSUED_FEN,
    MERCHANTS_ACTIVE,
    NET_REDEMPTION_FEN,
    ORDERS,
    REDEEM_USERS,
    REDEEMING,
    REDEMPTION_COUNT,
    REDEMPTION_FEN,
    REFUND_COUNT,
    REFUNDED_VOUCHER_FEN,
    REFUNDS,
    Measure,
)
from functions.report.rows import Dimension, Key
from functions.shared.domain.campaign import Campaign, VoucherType
from functions.shared.domain.orders import Benefit
from functions.shared.domain.registry import SizeClass
from functions.shared.files.columns import Cell, Column, ColumnKind, Rate, Row, Table

SCOPE: Final = Column(
    "scope",
    "口径",
    "Scope",
    ColumnKind.TEXT,
    formula_zh=(
        "DAILY 为业务日期当日，CUMULATIVE 为活动首日至当日各日之和；截至该日 24:00（北京时间）"
        "登记的计入，此后登记的退款计入其登记之日，不改动本表"
    ),
    formula_en=(
        "DAILY is the business date alone, CUMULATIVE the sum of the days from the campaign's "
        "first; what was recorded by 24:00 Beijing time counts, a later refund counts on the day "
        "it is recorded and does not move this table"
    ),
)
INDUSTRY: Final = Column(
    "industry",
    "行业",
    "Industry",
    ColumnKind.TEXT,
    formula_zh="核销当日商户登记的行业；ALL 为全部行业",
    formula_en="the merchant's industry by the registry on the day of redemption; ALL for all",
)
SIZE: Final = Column(
    "size_class",
    "规模类型",
    "Size class",
    ColumnKind.TEXT,
    formula_zh="核销当日商户登记的规模类型；期间变更的商户在各类中分别计",
    formula_en=(
        "the merchant's size class by the registry on the day of redemption; a merchant whose "
        "class changed counts in each"
    ),
)
PLATFORM: Final = Column("platform_id", "平台", "Platform", ColumnKind.ID)
VOUCHER_TYPE: Final = Column("voucher_type_id", "券种", "Voucher type", ColumnKind.TEXT)
FLOOR: Final = Column(
    "pull_ratio_floor",
    "拉动比下限",
    "Floor of the pull ratio",
    ColumnKind.RATIO,
    formula_zh=(
        "退款前，规则本身决定的下限：使用门槛 ÷ 最高优惠、1 ÷ 折扣率、1 ÷ 订单占比上限、"
        "1 之中最大者"
    ),
    formula_en=(
        "set by the rules alone, before refunds: the greatest of threshold ÷ most given, "
        "1 ÷ percentage off, 1 ÷ cap on the share of the order, and 1"
    ),
)


def merchants_by_size(size: str) -> Column:
    """The column that counts merchants of a size class."""
    words = SIZE_CLASSES[size]
    return Column(
        f"merchants_{size.lower()}",
        f"{words.zh}商户" if size != SizeClass.SELF_EMPLOYED else words.zh,
        words.en,
        ColumnKind.COUNT,
        formula_zh=f"merchants_active 中 size_class={size} 的商户",
        formula_en=f"of merchants_active those with size_class={size}",
    )


SIZE_COLUMNS: Final = tuple((size, merchants_by_size(size)) for size in SizeClass)

_BY_SIZE: Final = (*REDEEMING, *ORDERS, *REFUNDS, MERCHANTS_ACTIVE)


def figure_tables(report: Report, campaign: Campaign, labels: Labels) -> tuple[Table, ...]:
    """Every table of figures, in the order in which people read them."""
    return (
        by_industry(report, campaign, labels),
        by_size_class(report, campaign, labels),
        by_platform(report, campaign, labels),
        by_voucher_type(report, campaign, labels),
        by_day(report.course),
        restated_days(report, labels),
    )


def scopes(report: Report) -> tuple[tuple[Scope, Figures], ...]:
    """The day's figures and the cumulative ones."""
    return (Scope.DAILY, report.day.figures), (Scope.CUMULATIVE, report.cumulative)


def industries_of(figures: Figures, campaign: Campaign) -> list[str]:
    """The campaign's industries in its order, then any other that the ledger has."""
    found = [key[0] for key in figures.keys(Dimension.INDUSTRY)]
    return list(dict.fromkeys((*campaign.scope.industries, *found)))


def industry_tally(figures: Figures, campaign: Campaign, industry: str) -> tuple[Tally, bool]:
    """The tally of an industry or of ALL, and whether it knows what was issued."""
    whole = figures.of(Dimension.CAMPAIGN)
    if industry == ALL:
        return whole, True
    tally = figures.of(Dimension.INDUSTRY, industry)
    if campaign.scope.industries != (industry,):
        return tally, False
    issued = {
        "issued_count": whole.issued_count,
        "issued_fen": whole.issued_fen,
        "claim_users": whole.claim_users,
    }
    return replace(tally, **issued), True


def cells(measures: Iterable[Measure], tally: Tally, *, knows_issuing: bool) -> dict[str, Cell]:
    """A row's cells by column."""
    return {
        measure.column.name: None
        if measure.of_issuing and not knows_issuing
        else measure.value(tally)
        for measure in measures
    }


def size_cells(figures: Figures, industry: str) -> dict[str, Cell]:
    """Merchants by size class, of an industry or of ALL."""
    row: dict[str, Cell] = {}
    for size, column in SIZE_COLUMNS:
        tally = (
            figures.of(Dimension.SIZE_CLASS, size)
            if industry == ALL
            else figures.of(Dimension.INDUSTRY_SIZE_CLASS, industry, size)
        )
        row[column.name] = tally.merchants_active
    return row


def by_industry(report: Report, campaign: Campaign, labels: Labels) -> Table:
    """The table that the notice asks for: each figure by industry, of the day and cumulative."""

    def rows() -> Iterator[Row]:
        for scope, figures in scopes(report):
            for industry in (ALL, *industries_of(figures, campaign)):
                tally, knows_issuing = industry_tally(figures, campaign, industry)
                yield {
                    SCOPE.name: labels.scope(scope),
                    INDUSTRY.name: labels.industry(industry),
                    **cells(ALL_MEASURES, tally, knows_issuing=knows_issuing),
                    **size_cells(figures, industry),
                }

    columns = (SCOPE, INDUSTRY, *_columns(ALL_MEASURES), *(column for _, column in SIZE_COLUMNS))
    return Table("by_industry", "分行业统计", "By industry", columns, rows())


def by_size_class(report: Report, campaign: Campaign, labels: Labels) -> Table:
    """Merchants and what was redeemed with them, by industry and size class."""

    def rows() -> Iterator[Row]:
        for scope, figures in scopes(report):
            for industry in (ALL, *industries_of(figures, campaign)):
                for size in _sizes_of(figures):
                    tally = (
                        figures.of(Dimension.SIZE_CLASS, size)
                        if industry == ALL
                        else figures.of(Dimension.INDUSTRY_SIZE_CLASS, industry, size)
                    )
                    yield {
                        SCOPE.name: labels.scope(scope),
                        INDUSTRY.name: labels.industry(industry),
                        SIZE.name: labels.size_class(size),
                        **cells(_BY_SIZE, tally, knows_issuing=False),
                    }

    columns = (SCOPE, INDUSTRY, SIZE, *_columns(_BY_SIZE))
    return Table("by_size_class", "分规模类型统计", "By size class", columns, rows())


def by_platform(report: Report, campaign: Campaign, labels: Labels) -> Table:
    """Each figure by platform."""

    def rows() -> Iterator[Row]:
        for scope, figures in scopes(report):
            for platform_id in _merged(campaign.platform_ids, figures.keys(Dimension.PLATFORM)):
                tally = figures.of(Dimension.PLATFORM, platform_id)
                yield {
                    SCOPE.name: labels.scope(scope),
                    PLATFORM.name: platform_id,
                    **cells(ALL_MEASURES, tally, knows_issuing=True),
                }

    columns = (SCOPE, PLATFORM, *_columns(ALL_MEASURES))
    return Table("by_platform", "分平台统计", "By platform", columns, rows())


def by_voucher_type(report: Report, campaign: Campaign, labels: Labels) -> Table:
    """Each figure by voucher type, with the floor that the type's rules set for the pull ratio."""

    def rows() -> Iterator[Row]:
        for scope, figures in scopes(report):
            for voucher_type in campaign.voucher_types:
                name = voucher_type.voucher_type_id
                tally = figures.of(Dimension.VOUCHER_TYPE, name)
                yield {
                    SCOPE.name: labels.scope(scope),
                    VOUCHER_TYPE.name: labels.voucher_type(name),
                    **cells(ALL_MEASURES, tally, knows_issuing=True),
                    FLOOR.name: pull_ratio_floor(voucher_type),
                }

    columns = (SCOPE, VOUCHER_TYPE, *_columns(ALL_MEASURES), FLOOR)
    return Table("by_voucher_type", "分券种统计", "By voucher type", columns, rows())


def pull_ratio_floor(voucher_type: VoucherType) -> Rate:
    """The least that order value ÷ voucher money can be, whatever people would have bought."""
    benefit = voucher_type.benefit
    capped = (
        replace(benefit, order_share_cap_bp=cap.share_bp) for cap in voucher_type.order_share_caps
    )
    least = _floor(benefit)
    for floor in map(_floor, capped):
        if floor[0] * least[1] < least[0] * floor[1]:
            least = floor
    return least


def _floor(benefit: Benefit) -> Rate:
    bounds: list[Rate] = [(1, 1), (benefit.threshold_fen, benefit.greatest_fen)]
    if benefit.percent_off_bp:
        bounds.append((10_000, benefit.percent_off_bp))
    if benefit.order_share_cap_bp:
        bounds.append((10_000, benefit.order_share_cap_bp))
    greatest = bounds[0]
    for bound in bounds[1:]:
        if bound[0] * greatest[1] > greatest[0] * bound[1]:
            greatest = bound
    return greatest


_BY_DAY: Final = (
    ISSUED_COUNT,
    ISSUED_FEN,
    CLAIM_USERS,
    REDEEM_USERS,
    REDEMPTION_COUNT,
    REDEMPTION_FEN,
    REFUND_COUNT,
    REFUNDED_VOUCHER_FEN,
    NET_REDEMPTION_FEN,
)
BUSINESS_ON: Final = Column("business_on", "业务日期", "Business date", ColumnKind.DATE)
FIRST_NET: Final = Column(
    "first_net_fen",
    "首报净额",
    "Net, first",
    ColumnKind.FEN,
    formula_zh="该日核销的券金额 − 该日当天冲回的券金额",
    formula_en="voucher money of that day's redemptions − what was back of it on that very day",
)
NOW_NET: Final = Column(
    "now_net_fen",
    "现净额",
    "Net, now",
    ColumnKind.FEN,
    formula_zh="该日核销的券金额 − 截至本报告统计截止时间冲回的券金额",
    formula_en=(
        "voucher money of that day's redemptions − what was back of it by this report's cut-off"
    ),
)
RESTATED: Final = Column(
    "restated_fen",
    "此后调整",
    "Restated",
    ColumnKind.FEN,
    formula_zh="now_net_fen − first_net_fen",
    formula_en="now_net_fen − first_net_fen",
)


def by_day(course: Sequence[DayLine]) -> Table:
    """The course of the campaign: each day as its report had it, and its redemptions as of now."""
    rows = (
        {
            BUSINESS_ON.name: line.on,
            **cells(_BY_DAY, line.tally, knows_issuing=True),
            FIRST_NET.name: line.first_fen,
            NOW_NET.name: line.now_fen,
            RESTATED.name: line.restated_fen,
        }
        for line in course
    )
    columns = (BUSINESS_ON, *_columns(_BY_DAY), FIRST_NET, NOW_NET, RESTATED)
    # Users of several days are fewer than the sum of their days' users.
    users = {CLAIM_USERS.column.name, REDEEM_USERS.column.name}
    totals = [column.name for column in columns[1:] if column.name not in users]
    return Table("by_day", "逐日统计", "Day by day", columns, rows, totals=totals)


REDEEMED_ON: Final = Column("redeemed_on", "核销日期", "Redeemed on", ColumnKind.DATE)
_RESTATED_COLUMNS: Final = (
    REDEEMED_ON,
    Column("industry", "行业", "Industry", ColumnKind.TEXT),
    Column("refund_count", "退款笔数", "Refunds", ColumnKind.COUNT),
    Column("redemption_fen", "该日核销金额", "Redeemed", ColumnKind.FEN),
    Column(
        "was_net_fen",
        "原净额",
        "Net, was",
        ColumnKind.FEN,
        formula_zh="该日核销的券金额 − 截至业务日期前一日冲回的券金额",
        formula_en=(
            "voucher money of that day's redemptions − what was back of it the day before this "
            "report's"
        ),
    ),
    NOW_NET,
    Column(
        "change_fen",
        "变动",
        "Change",
        ColumnKind.FEN,
        formula_zh="− Σ voucher_fen（entries.csv，entry_type=REFUND，redeemed_on 为该日）",
        formula_en="− Σ voucher_fen in entries.csv where entry_type=REFUND and redeemed_on is it",
    ),
    Column("recorded_on", "登记日期", "Recorded on", ColumnKind.DATE),
    Column("why", "原因", "Why", ColumnKind.TEXT),
)


def restated_days(report: Report, labels: Labels) -> Table:
    """Earlier days whose redemptions this day's refunds changed: what was, what is now, and why."""

    def row(line: Restatement) -> Row:
        return {
            "redeemed_on": line.redeemed_on,
            "industry": labels.industry(line.industry),
            "refund_count": line.refund_count,
            "redemption_fen": line.redemption_fen,
            "was_net_fen": line.was_fen,
            "now_net_fen": line.now_fen,
            "change_fen": line.change_fen,
            "recorded_on": report.day.on,
            "why": labels.reason("LATE_REFUND"),
        }

    totals = ["refund_count", "redemption_fen", "was_net_fen", "now_net_fen", "change_fen"]
    rows = map(row, report.restatements)
    return Table(
        "restated_days", "往日调整", "Days restated", _RESTATED_COLUMNS, rows, totals=totals
    )


def _columns(measures: Iterable[Measure]) -> tuple[Column, ...]:
    return tuple(measure.column for measure in measures)


def _sizes_of(figures: Figures) -> list[str]:
    return _merged(tuple(SizeClass), figures.keys(Dimension.SIZE_CLASS))


def _merged(expected: Sequence[str], found: Iterable[Key]) -> list[str]:
    """What is expected, in its order, then what was found besides."""
    return list(dict.fromkeys((*expected, *(key[0] for key in found))))

"""A day's report as the report function fills it, with made-up figures that never change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from functions.shared.files.charts import Chart, ChartKind, Series
from functions.shared.files.columns import Column, ColumnKind, Table
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.html_out import Card, render_page

CUTOFF_AT = datetime(2026, 7, 14, 16, 0, tzinfo=UTC)
FACTS = Facts(
    cutoff_at=CUTOFF_AT,
    run_id="run-20260715-0001",
    more=(
        Fact("campaign", Words("活动", "Campaign"), "2026 石景山区消费券"),
        Fact("business_date", Words("业务日期", "Business date"), date(2026, 7, 14)),
    ),
)

REPORT_COLUMNS = (
    Column("industry", "行业", "Industry", ColumnKind.TEXT),
    Column("issued_count", "发放张数", "Issued", ColumnKind.COUNT),
    Column("issued_fen", "发放金额", "Issued amount", ColumnKind.FEN),
    Column("claim_users", "领用人数", "Claiming users", ColumnKind.COUNT),
    Column("redemption_count", "核销笔数", "Redemptions", ColumnKind.COUNT),
    Column("redemption_fen", "核销金额", "Redeemed", ColumnKind.FEN),
    Column(
        "redemption_rate_amount",
        "核销率",
        "Redemption rate",
        ColumnKind.RATE,
        formula_zh="核销金额 ÷ 发放金额",
        formula_en="redeemed ÷ issued amount",
    ),
    Column("platform_match_fen", "平台配套", "Platform match", ColumnKind.FEN),
    Column("merchant_match_fen", "商户配套", "Merchant match", ColumnKind.FEN),
    Column(
        "pull_ratio",
        "拉动比",
        "Pull ratio",
        ColumnKind.RATIO,
        formula_zh="已核销订单净额 ÷ 财政资金净核销额",
        formula_en="net order amount of redeemed orders ÷ net fiscal amount redeemed",
    ),
    Column("refund_count", "退款笔数", "Refunds", ColumnKind.COUNT),
    Column("refund_fen", "退款金额", "Refunded", ColumnKind.FEN),
    Column("merchants_active", "参与商户", "Merchants", ColumnKind.COUNT),
)
INDUSTRIES = (
    Words("餐饮", "Catering"),
    Words("零售", "Retail"),
    Words("自行车", "Bicycles"),
    Words("文旅体育", "Culture and sport"),
)


def report_rows() -> list[dict[str, str | int | tuple[int, int]]]:
    """One row an industry, and one where nothing happened."""
    rows: list[dict[str, str | int | tuple[int, int]]] = []
    for index, industry in enumerate((*INDUSTRIES, Words("其他", "Other"))):
        scale = (83_917, 61_204, 7_311, 15_402, 0)[index]
        redeemed = scale * 1_933 // (index + 2)
        rows.append(
            {
                "industry": industry.zh,
                "issued_count": scale,
                "issued_fen": scale * 2_000,
                "claim_users": scale * 7 // 10,
                "redemption_count": scale * 3 // 5,
                "redemption_fen": redeemed,
                "redemption_rate_amount": (redeemed, scale * 2_000),
                "platform_match_fen": redeemed // 11,
                "merchant_match_fen": redeemed // 23,
                "pull_ratio": (redeemed * (41 + index), redeemed * 9),
                "refund_count": scale // 90,
                "refund_fen": scale * 21,
                "merchants_active": scale // 60,
            }
        )
    return rows


def report_table() -> Table:
    """The table of the T+1 report; distinct users are not summed."""
    return Table(
        "t1_report",
        "分行业统计",
        "By industry",
        REPORT_COLUMNS,
        report_rows(),
        totals=[column.name for column in REPORT_COLUMNS[1:] if column.name != "claim_users"],
    )


def entries_table() -> Table:
    """A table with ids, times, dates and empty cells."""
    columns = (
        Column("entry_id", "流水号", "Entry", ColumnKind.ID),
        Column("merchant", "商户", "Merchant", ColumnKind.TEXT),
        Column("occurred_at", "发生时间", "Occurred", ColumnKind.TIME),
        Column("business_on", "业务日期", "Business date", ColumnKind.DATE),
        Column("net_fen", "净额", "Net", ColumnKind.FEN),
        Column("break_id", "差错编号", "Break", ColumnKind.ID, optional=True),
    )
    names = (
        "石景山万达广场「老北京」烤鸭店",
        '=HYPERLINK("http://x")',
        "<script>alert(1)</script>",
    )
    rows = [
        {
            "entry_id": f"{index:019d}",
            "merchant": name,
            "occurred_at": CUTOFF_AT - timedelta(minutes=17 * index),
            "business_on": date(2026, 7, 14),
            "net_fen": (200_050, -1_999, 3)[index],
            "break_id": None if index else "B-1",
        }
        for index, name in enumerate(names)
    ]
    return Table("entries", "流水抽样", "Sampled entries", columns, rows, totals=["net_fen"])


def _daily(days: int, scale: int) -> tuple[int, ...]:
    """A season of days: weekends higher, deterministic."""
    return tuple(
        scale * (60 + 7 * (day * 37 % 11) + (55 if day % 7 in (4, 5) else 0)) // 100
        for day in range(days)
    )


def sample_page(days: int = 30, more_tables: tuple[Table, ...] = ()) -> bytes:
    """A whole page, as the report function renders it."""
    labels = tuple(f"{date(2026, 6, 15) + timedelta(days=day):%m-%d}" for day in range(days))
    by_industry = tuple(
        Series(industry, _daily(days, scale))
        for industry, scale in zip(
            INDUSTRIES, (31_000_000, 22_400_000, 6_100_000, 9_050_000), strict=True
        )
    )
    return render_page(
        title=Words("消费券 T+1 统计日报", "Consumption vouchers: T+1 report"),
        subtitle=Words(
            "石景山区商务局 · 按行业汇总，金额为核销净额，退款在发生日冲减。",
            "Shijingshan District Bureau of Commerce. By industry; refunds are deducted on the "
            "day they happen.",
        ),
        facts=FACTS,
        cards=(
            Card(Words("累计发放", "Issued"), 33_566_800_00, ColumnKind.FEN),
            Card(Words("累计核销净额", "Redeemed, net"), 12_345_678_90, ColumnKind.FEN),
            Card(
                Words("核销率（金额）", "Redemption rate by amount"),
                (1_234_567_890, 3_356_680_000),
                ColumnKind.RATE,
                Words("核销净额 ÷ 发放金额", "net redeemed ÷ issued"),
            ),
            Card(
                Words("拉动比", "Pull ratio"),
                (456, 100),
                ColumnKind.RATIO,
                Words("订单净额 ÷ 财政净额", "net orders ÷ net fiscal amount"),
            ),
            Card(Words("领用人数", "Claiming users"), 117_482, ColumnKind.COUNT),
            Card(Words("参与商户", "Merchants"), 2_796, ColumnKind.COUNT),
        ),
        charts=(
            Chart(
                ChartKind.STACKED_BARS,
                Words("每日核销金额，分行业", "Redeemed by day and industry"),
                Words(
                    "每日核销净额，按商户所属行业堆叠。",
                    "Net amount redeemed each day, stacked by the merchant's industry.",
                ),
                labels,
                by_industry,
            ),
            Chart(
                ChartKind.LINES,
                Words("发放与核销", "Issued and redeemed"),
                Words(
                    "每日发放金额与核销金额。",
                    "Amount issued and amount redeemed each day.",
                ),
                labels,
                (
                    Series(Words("发放", "Issued"), _daily(days, 98_000_000)),
                    Series(Words("核销", "Redeemed"), _daily(days, 61_000_000)),
                ),
            ),
        ),
        tables=(report_table(), entries_table(), *more_tables),
        notes=(
            Words(
                "拉动比的下限由满减门槛决定（门槛 ÷ 面额），不能单独证明新增消费。",
                "The floor of the pull ratio is threshold ÷ face by construction, so it does not "
                "by itself prove extra consumption.",
            ),
            Words("退款在结算后发生的，在下一结算单中调整。", "Late refunds are adjustments."),
        ),
    )


def wide_table() -> Table:
    """As many columns as the T+1 report can have, full of large amounts."""
    columns = [
        Column("industry", "行业", "Industry", ColumnKind.TEXT),
        *(
            Column(f"amount_{number}_fen", f"累计金额{number}", f"Amount {number}", ColumnKind.FEN)
            for number in range(21)
        ),
    ]
    row: dict[str, str | int] = {
        column.name: 1_234_567_890 if column.kind is ColumnKind.FEN else "文旅体育"
        for column in columns
    }
    return Table("wide", "宽表", "Wide", columns, [row, row])

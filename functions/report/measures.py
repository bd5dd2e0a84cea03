"""Each figure of the report once: its column, how it is computed, and the formula in words.

The formula is printed in the JSON and XLSX files and on the page, and names the columns of the
published rows (`claims.csv`, `entries.csv`), so that a reader can count again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from functions.report.figures import Tally
from functions.shared.files.columns import Cell, Column, ColumnKind
from functions.shared.files.facts import Words


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: its column and its value from a tally.

    `of_issuing` marks what nobody knows of an industry, because a voucher belongs to none before
    it is redeemed.
    """

    column: Column
    value: Callable[[Tally], Cell]
    of_issuing: bool = False


_ISSUING_ZH = "行业行仅在活动只含一个行业时列示：发放时尚不知在哪个行业核销"
_ISSUING_EN = (
    "on an industry's row only where the campaign has one industry: none is known before the till"
)


def _plain(
    name: str,
    zh: str,
    en: str,
    kind: ColumnKind,
    *,
    formula_zh: str,
    formula_en: str,
    of_issuing: bool = False,
) -> Measure:
    """A figure that the tally holds under the column's name."""
    column = Column(name, zh, en, kind, formula_zh=formula_zh, formula_en=formula_en)
    if of_issuing:
        column = _of_issuing(column)
    return Measure(column, attrgetter(name), of_issuing=of_issuing)


def _of_issuing(column: Column) -> Column:
    return replace(
        column,
        formula_zh=f"{column.formula_zh}；{_ISSUING_ZH}",
        formula_en=f"{column.formula_en}; {_ISSUING_EN}",
        optional=True,
    )


def _redeem_sum(name: str, zh: str, en: str, what: str) -> Measure:
    return _plain(
        name,
        zh,
        en,
        ColumnKind.FEN,
        formula_zh=f"Σ {what}（entries.csv，entry_type=REDEEM）",
        formula_en=f"Σ {what} in entries.csv where entry_type=REDEEM",
    )


def _refund_sum(name: str, zh: str, en: str, what: str) -> Measure:
    return _plain(
        name,
        zh,
        en,
        ColumnKind.FEN,
        formula_zh=f"Σ {what}（entries.csv，entry_type=REFUND）；按退款登记之日计",
        formula_en=f"Σ {what} in entries.csv where entry_type=REFUND, on the day of the refund",
    )


def _net(name: str, zh: str, en: str, gross: Measure, refunded: Measure) -> Measure:
    of, less = gross.column, refunded.column
    return _plain(
        name,
        zh,
        en,
        ColumnKind.FEN,
        formula_zh=f"{of.zh} − {less.zh}（{of.name} − {less.name}）",
        formula_en=f"{of.name} − {less.name}",
    )


_PLATFORM_MATCH = "(platform_part_fen + platform_discount_fen)"
_MERCHANT_MATCH = "(merchant_part_fen + merchant_discount_fen)"

ISSUED_COUNT: Final = _plain(
    "issued_count",
    "发放张数",
    "Vouchers issued",
    ColumnKind.COUNT,
    formula_zh="Σ voucher_count（claims.csv）",
    formula_en="Σ voucher_count in claims.csv",
    of_issuing=True,
)
ISSUED_FEN: Final = _plain(
    "issued_fen",
    "发放金额",
    "Issued",
    ColumnKind.FEN,
    formula_zh=(
        "Σ issued_fen（claims.csv）= 张数 × 一张券最多优惠的金额"
        "（满减券、票券为面额，折扣券为封顶额）"
    ),
    formula_en=(
        "Σ issued_fen in claims.csv = vouchers × the most that one of them gives (the face of a "
        "reduction or ticket, the cap of a discount)"
    ),
    of_issuing=True,
)
CLAIM_USERS: Final = _plain(
    "claim_users",
    "领券人数",
    "Claiming users",
    ColumnKind.COUNT,
    formula_zh=(
        "当日：claims.csv 中不同的 person_no 数；累计：各日 person_new_in 含本统计维度的行数之和"
    ),
    formula_en=(
        "of a day: distinct person_no in claims.csv; cumulative: rows of all days whose "
        "person_new_in names this dimension"
    ),
    of_issuing=True,
)
REDEEM_USERS: Final = _plain(
    "redeem_users",
    "核销人数",
    "Redeeming users",
    ColumnKind.COUNT,
    formula_zh=(
        "当日：entries.csv 中 entry_type=REDEEM 的不同 person_no 数；累计：各日 person_new_in "
        "含本统计维度的行数之和；此后退款的仍计入"
    ),
    formula_en=(
        "of a day: distinct person_no in entries.csv where entry_type=REDEEM; cumulative: rows of "
        "all days whose person_new_in names this dimension; later refunds do not lower it"
    ),
)
REDEMPTION_COUNT: Final = _plain(
    "redemption_count",
    "核销笔数",
    "Redemptions",
    ColumnKind.COUNT,
    formula_zh="entries.csv 中 entry_type=REDEEM 的行数（一笔一券一单）",
    formula_en="rows of entries.csv where entry_type=REDEEM (one voucher, one order)",
)
REVERSED_COUNT: Final = _plain(
    "reversed_count",
    "全额退回笔数",
    "Fully refunded",
    ColumnKind.COUNT,
    formula_zh="entries.csv 中 closes=1 的行数：该笔退款之后，原核销已无可退金额",
    formula_en=(
        "rows of entries.csv where closes=1: after that refund nothing of the redemption is left"
    ),
)
NET_REDEMPTION_COUNT: Final = _plain(
    "net_redemption_count",
    "净核销笔数",
    "Redemptions, net",
    ColumnKind.COUNT,
    formula_zh="核销笔数 − 全额退回笔数（redemption_count − reversed_count）",
    formula_en="redemption_count − reversed_count",
)
REDEMPTION_FEN: Final = _redeem_sum("redemption_fen", "核销金额", "Redeemed", "voucher_fen")
REFUNDED_VOUCHER_FEN: Final = _refund_sum(
    "refunded_voucher_fen", "冲回券金额", "Taken back", "voucher_fen"
)
NET_REDEMPTION_FEN: Final = _net(
    "net_redemption_fen", "净核销金额", "Redeemed, net", REDEMPTION_FEN, REFUNDED_VOUCHER_FEN
)
RATE_COUNT: Final = Measure(
    _of_issuing(
        Column(
            "redemption_rate_count",
            "核销率（张数）",
            "Rate by count",
            ColumnKind.RATE,
            formula_zh=(
                "净核销笔数 ÷ 发放张数；当日核销的多为此前所领，当日口径可超过 100%，"
                "退回多于核销时为负"
            ),
            formula_en=(
                "net_redemption_count ÷ issued_count; what is redeemed on a day was mostly claimed "
                "before, so a day's rate can pass 100% or, with more taken back than given, be "
                "negative"
            ),
        )
    ),
    lambda tally: (tally.net_redemption_count, tally.issued_count),
    of_issuing=True,
)
RATE_AMOUNT: Final = Measure(
    _of_issuing(
        Column(
            "redemption_rate_amount",
            "核销率（金额）",
            "Rate by amount",
            ColumnKind.RATE,
            formula_zh="净核销金额 ÷ 发放金额；当日口径同上",
            formula_en="net_redemption_fen ÷ issued_fen; a day's rate reads as the one by count",
        )
    ),
    lambda tally: (tally.net_redemption_fen, tally.issued_fen),
    of_issuing=True,
)
FISCAL_FEN: Final = _redeem_sum("fiscal_fen", "财政承担", "Fiscal part", "fiscal_part_fen")
REFUNDED_FISCAL_FEN: Final = _refund_sum(
    "refunded_fiscal_fen", "冲回财政承担", "Fiscal part taken back", "fiscal_part_fen"
)
NET_FISCAL_FEN: Final = _net(
    "net_fiscal_fen", "财政净承担", "Fiscal part, net", FISCAL_FEN, REFUNDED_FISCAL_FEN
)
PLATFORM_MATCH_FEN: Final = _redeem_sum(
    "platform_match_fen", "平台配套优惠", "Platform match", _PLATFORM_MATCH
)
REFUNDED_PLATFORM_MATCH_FEN: Final = _refund_sum(
    "refunded_platform_match_fen", "冲回平台配套", "Platform match taken back", _PLATFORM_MATCH
)
NET_PLATFORM_MATCH_FEN: Final = _net(
    "net_platform_match_fen",
    "平台净配套",
    "Platform match, net",
    PLATFORM_MATCH_FEN,
    REFUNDED_PLATFORM_MATCH_FEN,
)
MERCHANT_MATCH_FEN: Final = _redeem_sum(
    "merchant_match_fen", "商户配套优惠", "Merchant match", _MERCHANT_MATCH
)
REFUNDED_MERCHANT_MATCH_FEN: Final = _refund_sum(
    "refunded_merchant_match_fen", "冲回商户配套", "Merchant match taken back", _MERCHANT_MATCH
)
NET_MERCHANT_MATCH_FEN: Final = _net(
    "net_merchant_match_fen",
    "商户净配套",
    "Merchant match, net",
    MERCHANT_MATCH_FEN,
    REFUNDED_MERCHANT_MATCH_FEN,
)
ORDER_FEN: Final = _redeem_sum("order_fen", "订单金额", "Order value", "order_fen")
REFUNDED_ORDER_FEN: Final = _refund_sum(
    "refunded_order_fen", "退回订单金额", "Order value taken back", "order_fen"
)
NET_ORDER_FEN: Final = _net(
    "net_order_fen", "净订单金额", "Order value, net", ORDER_FEN, REFUNDED_ORDER_FEN
)
PULL_RATIO: Final = Measure(
    Column(
        "pull_ratio",
        "拉动比",
        "Pull ratio",
        ColumnKind.RATIO,
        formula_zh=(
            "净订单金额 ÷ 财政净承担，分母不为正时不列；退款前，其下限由规则决定"
            "（使用门槛 ÷ 面额），不能单独证明新增消费"
        ),
        formula_en=(
            "net_order_fen ÷ net_fiscal_fen, none where that is not above zero; before refunds "
            "its floor is set by the rules (threshold ÷ face), so it does not by itself prove "
            "extra consumption"
        ),
    ),
    # Without public money in the group, or with more of it back than given, there is no ratio.
    lambda tally: (tally.net_order_fen, max(tally.net_fiscal_fen, 0)),
)
REFUND_COUNT: Final = _plain(
    "refund_count",
    "退款笔数",
    "Refunds",
    ColumnKind.COUNT,
    formula_zh="entries.csv 中 entry_type=REFUND 的行数；按退款登记之日计",
    formula_en="rows of entries.csv where entry_type=REFUND, on the day the refund was recorded",
)
REFUND_FEN: Final = _refund_sum("refund_fen", "退款金额", "Refunded", "(voucher_fen + paid_fen)")
MERCHANTS_ACTIVE: Final = _plain(
    "merchants_active",
    "参与商户数",
    "Merchants",
    ColumnKind.COUNT,
    formula_zh=(
        "当日：entries.csv 中 entry_type=REDEEM 的不同 merchant_no 数；累计：各日 merchant_new_in "
        "含本统计维度的行数之和"
    ),
    formula_en=(
        "of a day: distinct merchant_no in entries.csv where entry_type=REDEEM; cumulative: rows "
        "of all days whose merchant_new_in names this dimension"
    ),
)

ISSUING: Final = (ISSUED_COUNT, ISSUED_FEN, CLAIM_USERS)
REDEEMING: Final = (
    REDEMPTION_COUNT,
    REVERSED_COUNT,
    NET_REDEMPTION_COUNT,
    REDEMPTION_FEN,
    REFUNDED_VOUCHER_FEN,
    NET_REDEMPTION_FEN,
)
RATES: Final = (RATE_COUNT, RATE_AMOUNT)
FUNDING: Final = (
    FISCAL_FEN,
    REFUNDED_FISCAL_FEN,
    NET_FISCAL_FEN,
    PLATFORM_MATCH_FEN,
    REFUNDED_PLATFORM_MATCH_FEN,
    NET_PLATFORM_MATCH_FEN,
    MERCHANT_MATCH_FEN,
    REFUNDED_MERCHANT_MATCH_FEN,
    NET_MERCHANT_MATCH_FEN,
)
ORDERS: Final = (ORDER_FEN, REFUNDED_ORDER_FEN, NET_ORDER_FEN, PULL_RATIO)
REFUNDS: Final = (REFUND_COUNT, REFUND_FEN)

ALL: Final = (
    *ISSUING,
    REDEEM_USERS,
    *REDEEMING,
    *RATES,
    *FUNDING,
    *ORDERS,
    *REFUNDS,
    MERCHANTS_ACTIVE,
)
"""Every figure of a group, in the order of the files."""

NOTES: Final = (
    Words(
        "统计截止业务日期当日 24:00（北京时间）。此后登记的退款计入其登记之日的日报和此后的累计，"
        "不改动已发布的日报；它改变了哪一天的核销净额，列于“往日调整”。",
        "The cut-off is 24:00 Beijing time of the business date. A refund recorded later counts in "
        "the report of the day it is recorded and in the cumulative figures from then on; it moves "
        "no published report. Which day's redemptions it changed is listed under Days restated.",
    ),
    Words(
        "累计人数与商户数去重，因此不等于各日之和；行业、平台、券种之间也可能重复。",
        "Cumulative users and merchants are distinct, so they are not the sum of the days; one may "
        "also count in several industries, platforms or voucher types.",
    ),
    Words(
        "发放时尚不知在哪个行业核销，发放数列在合计行；活动只含一个行业时也列在该行业。",
        "A voucher belongs to no industry until it is redeemed: what was issued stands on the row "
        "of the whole campaign, and on an industry's where the campaign has only one.",
    ),
    Words(
        "配套优惠 = 券中由平台（商户）承担的部分 + 平台（商户）自身的优惠。",
        "A match is the part of the voucher that the platform (merchants) funds, and its own "
        "discount on the order.",
    ),
    Words(
        "拉动比的下限由使用门槛 ÷ 面额决定，无论消费者原本打算花多少，因此不能单独证明新增消费。",
        "The floor of the pull ratio is threshold ÷ face by construction, whatever consumers would "
        "have spent, so it does not by itself prove extra consumption.",
    ),
    Words(
        "本报告已去标识：明细中的人员与商户只有当日文件内的序号；核销编号供有权限的审计人员查账。",
        "De-identified: in the rows, persons and merchants have numbers valid in one day's file "
        "only; redemption ids lead auditors with the right to it to the ledger's entry.",
    ),
)

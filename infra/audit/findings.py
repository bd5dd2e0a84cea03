"""What the verifier finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from functions.shared.edge.languages import Words


class Kind(StrEnum):
    """The kinds of findings; a kind is never renamed."""

    MANIFEST = "MANIFEST"
    FILE = "FILE"
    STRAY = "STRAY"
    CHAIN = "CHAIN"
    ORDER = "ORDER"
    DAY_MISSING = "DAY_MISSING"
    DOCUMENT = "DOCUMENT"
    VOUCHER = "VOUCHER"
    ENTRY = "ENTRY"
    LIMIT = "LIMIT"
    FUNDS = "FUNDS"
    SETTLEMENT = "SETTLEMENT"
    MATCH = "MATCH"
    BREAK = "BREAK"
    PAYOUT = "PAYOUT"
    RETURN = "RETURN"
    FIGURES = "FIGURES"
    INVARIANTS = "INVARIANTS"


MEANINGS: Final = {
    Kind.MANIFEST: Words("a manifest is none, or not in its one form", "清单无效或格式不符"),
    Kind.FILE: Words("a file is missing or not as its manifest says", "文件缺失或与清单不符"),
    Kind.STRAY: Words("a file that no manifest names", "清单未列出的文件"),
    Kind.CHAIN: Words("a journal line was edited, added or left out", "日志链断裂：行被改动、增删"),
    Kind.ORDER: Words("journal lines are not in their order", "日志行次序不符"),
    Kind.DAY_MISSING: Words("a day of the journal is missing", "缺少某日日志"),
    Kind.DOCUMENT: Words("the rules are not those of the journal", "活动文档与日志不符"),
    Kind.VOUCHER: Words("a voucher's life is not possible", "券的经过不合规则"),
    Kind.ENTRY: Words("an entry's amounts do not follow from the rules", "核销或退款金额不合规则"),
    Kind.LIMIT: Words("a person is over a limit", "自然人超过限额"),
    Kind.FUNDS: Words("money does not add up", "资金不平"),
    Kind.SETTLEMENT: Words("a settlement is not what the entries give", "结算单与明细不符"),
    Kind.MATCH: Words(
        "a reconciliation is not what entries and bill give", "对账结果与账本、账单不符"
    ),
    Kind.BREAK: Words(
        "a break was not ended as it must be, or a register does not list what was open",
        "差错处理不合规，或未结差错登记不符",
    ),
    Kind.PAYOUT: Words(
        "a payout is not what its statements come to, or goes astray",
        "付款单与结算单不符，或付款有误",
    ),
    Kind.RETURN: Words("a fund return is not what is left", "资金退回与余额不符"),
    Kind.FIGURES: Words("a T+1 figure is not what the journal gives", "T+1 统计与日志不符"),
    Kind.INVARIANTS: Words("a daily proof is broken or says otherwise", "每日核验不成立或不符"),
}


_NOT_IN_FORM: Final = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a file raises into which somebody has put anything."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Args:
        kind: what it is.
        where: the file, line or thing.
        detail: what was found, and what was expected.

    """

    kind: Kind
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind} {self.where}: {self.detail}"


def in_form(kind: Kind, where: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and one more where a file is not in its form.

    Whoever forges a file may put anything into it: that is a finding, not our end.
    """
    try:
        yield from findings
    except _NOT_IN_FORM as error:
        detail = f"a file is not in its form: {type(error).__name__} {error}"[:200]
        yield Finding(kind, where, detail)

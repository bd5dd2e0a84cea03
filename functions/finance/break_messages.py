"""What the bureau's operations on breaks take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.shared.domain.adjusting import Acceptance
from functions.shared.domain.bills import BillRow
from functions.shared.domain.breaks import UNRESOLVED, Break, Resolution
from functions.shared.domain.late_matches import Mate
from functions.shared.edge.fields import (
    DEFAULT_PAGE,
    AnswerModel,
    BusinessDate,
    Fen,
    Instant,
    Note,
    PageLimit,
    QueryModel,
    RequestModel,
    Slug,
)
from functions.shared.store.breaks import unresolved_key

_KindField = Field(
    description="ACCEPT_LEDGER: the bill is wrong. ACCEPT_BILL: the bill is right, an adjusting "
    "entry makes up for the difference. WRITE_OFF: the difference is not pursued / ACCEPT_LEDGER "
    "以账本为准；ACCEPT_BILL 以账单为准，差额记入调账；WRITE_OFF 核销差错、不再追查"
)
_PlaceField = Field(
    pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}_b_[0-9a-f]{32}$",
    description="`after` of the page before / 上一页返回的 after",
)


class BreaksQuery(QueryModel):
    """Whose unresolved breaks, and which page of them."""

    platform_id: Slug
    limit: PageLimit = DEFAULT_PAGE
    after: Annotated[str | None, _PlaceField] = None


class ResolutionBody(RequestModel):
    """How a break is to end, and why."""

    kind: Annotated[Literal["ACCEPT_LEDGER", "ACCEPT_BILL", "WRITE_OFF"], _KindField]
    reason: Note


class AcceptanceAnswer(AnswerModel):
    """What accepting the bill comes to: by how much more is owed, or less where it is negative."""

    voucher_fen: int
    fiscal_fen: Annotated[
        int, Field(description="Settled on the date of approval / 于审批当日结算的财政部分")
    ]
    platform_fen: int
    merchant_fen: int


class ResolutionAnswer(AnswerModel):
    """What is proposed, or decided where `approved_by` is given."""

    kind: Annotated[str, _KindField]
    reason: Note
    proposed_by: str
    proposed_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    adjusting: Annotated[
        AcceptanceAnswer | None,
        Field(description="Where the bill is accepted / 以账单为准结案时的调账金额"),
    ]


class BreakSideAnswer(AnswerModel):
    """A row as the ledger or the bill has it."""

    voucher_id: str
    merchant_id: str
    at: Annotated[
        Instant,
        Field(description="Recorded in the ledger, or occurred by the bill / 记账或发生时间"),
    ]
    order_fen: Fen
    merchant_discount_fen: Fen
    platform_discount_fen: Fen
    voucher_fen: Fen
    paid_fen: Fen


class CounterpartAnswer(AnswerModel):
    """The break of a neighbouring date that explains this one."""

    business_on: BusinessDate
    break_id: str


_Counterpart = Annotated[
    CounterpartAnswer | None,
    Field(description="Where it is MATCHED_LATE: the other break / 跨日相符的另一笔差错"),
]


class BreakStepAnswer(AnswerModel):
    """What a break was before it changed."""

    state: str
    match_state: str
    difference_fen: int
    bill_version: int
    resolution: ResolutionAnswer | None
    counterpart: _Counterpart


class BreakAnswer(AnswerModel):
    """A break, both sides of it, and what it was before, oldest first."""

    break_id: str
    version: int
    platform_id: Slug
    business_on: BusinessDate
    campaign_id: Slug
    state: Annotated[
        str,
        Field(
            description="OPEN, PROPOSED, RESOLVED (two persons ended it), MATCHED_LATE (the "
            "bill of a neighbouring date has the row) or CLOSED (a corrected bill agrees) / "
            "未结、待审批、已处理、跨日相符或已由更正账单消除"
        ),
    ]
    match_state: Annotated[
        str,
        Field(
            description="LEDGER_ONLY, BILL_ONLY, AMOUNT_DIFFERS, STATE_DIFFERS or DUPLICATE / "
            "长款、短款、金额不符、券或商户不符、账单重复"
        ),
    ]
    order_no: str
    entry_type: str
    refund_no: str | None
    ledger: BreakSideAnswer | None
    bill: BreakSideAnswer | None
    difference_fen: Annotated[
        int,
        Field(
            description="Ledger less bill voucher amount; refunds count negative / "
            "账本券金额减账单券金额，退款计为负"
        ),
    ]
    bill_version: Annotated[int, Field(description="0: there was no bill / 0 表示尚无账单")]
    opened_at: Instant
    age_days: Annotated[
        int | None,
        Field(
            description="Whole days since its business date was over; null where it is ended / "
            "业务日期结束后的整天数；已结为空"
        ),
    ]
    resolution: ResolutionAnswer | None
    counterpart: _Counterpart
    history: list[BreakStepAnswer]


class BreakList(AnswerModel):
    """Some unresolved breaks, oldest business date first; `after` is null on the last page."""

    breaks: list[BreakAnswer]
    after: str | None


def break_list(found: list[Break], *, limit: int, now: datetime) -> BreakList:
    """A page, of one more break than it shows where another page follows."""
    page = found[:limit]
    following = unresolved_key(page[-1]) if len(found) > len(page) else None
    return BreakList(breaks=[break_answer(each, now) for each in page], after=following)


def break_answer(of: Break, now: datetime) -> BreakAnswer:
    """A break for the bureau."""
    order_no, entry_type, refund_no = of.row.side.key
    return BreakAnswer(
        break_id=of.break_id,
        version=of.version,
        platform_id=of.platform_id,
        business_on=of.business_on,
        campaign_id=of.row.campaign_id,
        state=of.state.value,
        match_state=of.row.match_state.value,
        order_no=order_no,
        entry_type=entry_type.value,
        refund_no=refund_no or None,
        ledger=_side(of.row.ledger),
        bill=_side(of.row.bill),
        difference_fen=of.row.difference_fen,
        bill_version=of.bill_version,
        opened_at=of.opened_at,
        age_days=of.age_days(now) if of.state in UNRESOLVED else None,
        resolution=_resolution(of.resolution),
        counterpart=_counterpart(of.counterpart),
        history=[
            BreakStepAnswer(
                state=step.state.value,
                match_state=step.match_state.value,
                difference_fen=step.difference_fen,
                bill_version=step.bill_version,
                resolution=_resolution(step.resolution),
                counterpart=_counterpart(step.counterpart),
            )
            for step in of.history
        ],
    )


def _side(row: BillRow | None) -> BreakSideAnswer | None:
    if row is None:
        return None
    return BreakSideAnswer(
        voucher_id=row.voucher_id,
        merchant_id=row.merchant_id,
        at=row.occurred_at,
        order_fen=row.order_fen,
        merchant_discount_fen=row.merchant_discount_fen,
        platform_discount_fen=row.platform_discount_fen,
        voucher_fen=row.voucher_fen,
        paid_fen=row.paid_fen,
    )


def _counterpart(of: Mate | None) -> CounterpartAnswer | None:
    return CounterpartAnswer(business_on=of[0], break_id=of[1]) if of else None


def _resolution(of: Resolution | None) -> ResolutionAnswer | None:
    if of is None:
        return None
    return ResolutionAnswer(
        kind=of.kind.value,
        reason=of.reason,
        proposed_by=of.proposed_by,
        proposed_at=of.proposed_at,
        approved_by=of.approved_by,
        approved_at=of.approved_at,
        adjusting=_acceptance(of.acceptance),
    )


def _acceptance(of: Acceptance | None) -> AcceptanceAnswer | None:
    if of is None:
        return None
    return AcceptanceAnswer(
        voucher_fen=of.parts.total_fen,
        fiscal_fen=of.parts.fiscal_fen,
        platform_fen=of.parts.platform_fen,
        merchant_fen=of.parts.merchant_fen,
    )

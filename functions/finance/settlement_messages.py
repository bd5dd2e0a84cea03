"""What the operations on settlements and payouts take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from functions.finance.payment_messages import Amount, PaymentAnswer, payment_answer
from functions.finance.payments import Paid, version_of
from functions.finance.settlements import SettlementAccount, Told
from functions.shared.domain.money import MAX_CAMPAIGN_FEN
from functions.shared.domain.payouts import Payout, Standing, net_of
from functions.shared.domain.settlement import PayableSide
from functions.shared.edge.fields import AnswerModel, BusinessDate, Instant, RequestModel, Slug

_Net = Annotated[int, Field(ge=-MAX_CAMPAIGN_FEN, le=MAX_CAMPAIGN_FEN)]
_StatementId = Annotated[
    str, Field(pattern=r"^s_[0-9a-f]{32}$", description="Id of the statement / 结算单号")
]
_Side = Annotated[
    Literal["BUREAU", "PLATFORM", "NOBODY"],
    Field(description="Who pays / 应付方：主管部门、平台或无"),
]
_ConfirmedBy = Annotated[
    str | None,
    Field(
        description="PLATFORM, or TIMEOUT where it did not answer in time; null while neither / "
        "平台确认、逾期视为确认，未确认为空"
    ),
]


class ConfirmBody(RequestModel):
    """The statement that the platform agrees with, in its own words."""

    statement_id: _StatementId
    payable_fen: Amount
    payable_side: _Side


class SettlementAnswer(AnswerModel):
    """A statement and how it stands; amounts are net and may be negative."""

    business_on: BusinessDate
    statement_id: str
    entries: int
    fiscal_fen: _Net
    platform_fen: _Net
    merchant_fen: _Net
    payable_fen: Amount
    payable_side: str
    state: Annotated[str, Field(description="DRAFT, CONFIRMED or PAID / 待确认、已确认或已支付")]
    made_at: Instant
    confirm_by: Annotated[
        Instant,
        Field(description="Unanswered, it counts as confirmed from then on / 逾期视为确认的时间"),
    ]
    confirmed_by: _ConfirmedBy
    confirmed_at: Instant | None
    payout: Annotated[int | None, Field(description="The payout that it is in / 所属付款单序次")]


class PayoutSummary(AnswerModel):
    """A payout in short."""

    number: int
    reference: str
    payable_fen: Amount
    payable_side: str
    first_on: BusinessDate
    last_on: BusinessDate
    statements: int
    drawn_at: Instant
    paid_fen: Amount
    left_fen: Amount


class SettlementList(AnswerModel):
    """A platform's settlements in a campaign, oldest first, and their payouts."""

    campaign_id: Slug
    platform_id: Slug
    due_fen: Annotated[
        int,
        Field(
            description="What the statements come to that a payout drawn up now would take; "
            "negative is carried forward / 当前可付款结算单合计（分），为负则结转"
        ),
    ]
    due_statements: Annotated[int, Field(description="How many they are / 其份数")]
    settlements: list[SettlementAnswer]
    payouts: list[PayoutSummary]


class SettlementAccountAnswer(SettlementList):
    """The same for the bureau; `version` is what drawing up a payout must name."""

    version: int


class PayoutLineAnswer(AnswerModel):
    """A statement in a payout; what it comes to may be negative."""

    business_on: BusinessDate
    statement_id: str
    net_fen: _Net
    confirmed_by: str
    confirmed_at: Instant


class PayoutAnswer(PayoutSummary):
    """A payout: what it nets, and every payment of it, oldest first."""

    campaign_id: Slug
    platform_id: Slug
    version: int
    drawn_by: str
    lines: list[PayoutLineAnswer]
    payments: list[PaymentAnswer]


def told_of(body: ConfirmBody) -> Told:
    """What the platform says, as the use case takes it."""
    return Told(
        statement_id=body.statement_id,
        payable_fen=body.payable_fen,
        payable_side=PayableSide(body.payable_side),
    )


def settlement_list(account: SettlementAccount) -> SettlementList:
    """The account for its platform."""
    return SettlementList(
        campaign_id=account.record.campaign.campaign_id,
        platform_id=account.platform_id,
        due_fen=net_of(account.due),
        due_statements=len(account.due),
        settlements=[_settlement(standing) for standing in account.standings],
        payouts=[_summary(payout) for payout in account.payouts],
    )


def settlement_account_answer(account: SettlementAccount) -> SettlementAccountAnswer:
    """The account for the bureau."""
    return SettlementAccountAnswer(**dict(settlement_list(account)), version=account.version)


def payout_answer(found: Paid[Payout]) -> PayoutAnswer:
    """A payout for the bureau."""
    made = found.made
    return PayoutAnswer(
        **dict(_summary(found)),
        campaign_id=made.campaign_id,
        platform_id=made.platform_id,
        version=version_of(found.payments),
        drawn_by=made.drawn_by,
        lines=_lines(made),
        payments=[payment_answer(payment) for payment in found.payments.payments],
    )


def _lines(made: Payout) -> list[PayoutLineAnswer]:
    return [
        PayoutLineAnswer(
            business_on=line.business_on,
            statement_id=line.statement_id,
            net_fen=line.net_fen,
            confirmed_by=line.confirmed.by.value,
            confirmed_at=line.confirmed.at,
        )
        for line in made.lines
    ]


def _settlement(standing: Standing) -> SettlementAnswer:
    statement, confirmed = standing.statement, standing.confirmed
    net = statement.net
    return SettlementAnswer(
        business_on=statement.business_on,
        statement_id=statement.statement_id,
        entries=statement.entries,
        fiscal_fen=net.fiscal_fen,
        platform_fen=net.platform_fen,
        merchant_fen=net.merchant_fen,
        payable_fen=statement.payable_fen,
        payable_side=statement.payable_side.value,
        state=standing.state.value,
        made_at=standing.made_at,
        confirm_by=standing.confirm_by,
        confirmed_by=confirmed.by.value if confirmed else None,
        confirmed_at=confirmed.at if confirmed else None,
        payout=standing.payout,
    )


def _summary(found: Paid[Payout]) -> PayoutSummary:
    made = found.made
    return PayoutSummary(
        number=made.number,
        reference=made.reference,
        payable_fen=abs(made.net_fen),
        payable_side=made.payable_side.value,
        first_on=made.lines[0].business_on,
        last_on=made.lines[-1].business_on,
        statements=len(made.lines),
        drawn_at=made.drawn_at,
        paid_fen=found.payments.paid_fen,
        left_fen=found.payments.left_fen,
    )

"""The finance function: breaks, settlements, fund returns, and what two persons pay of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from functions.finance.break_messages import (
    BreakAnswer,
    BreakList,
    BreaksQuery,
    ResolutionBody,
    break_answer,
    break_list,
)
from functions.finance.breaks import BreakDesk
from functions.finance.payment_messages import BankReplyBody, bank_reply_of
from functions.finance.payments import Paid, PaymentDesk, version_of
from functions.finance.return_messages import (
    FundReturnAnswer,
    FundReturnList,
    fund_return_answer,
    fund_return_list,
)
from functions.finance.returns import ReturnDesk
from functions.finance.settlement_messages import (
    ConfirmBody,
    PayoutAnswer,
    SettlementAccountAnswer,
    SettlementList,
    payout_answer,
    settlement_account_answer,
    settlement_list,
    told_of,
)
from functions.finance.settlements import SettlementAccount, SettlementDesk
from functions.shared.domain.breaks import ResolutionKind
from functions.shared.domain.errors import Code
from functions.shared.domain.fund_return import FundReturn
from functions.shared.domain.payments import Payments
from functions.shared.domain.payouts import Payout
from functions.shared.edge import telemetry
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.fields import AnswerModel
from functions.shared.edge.settings import settings
from functions.shared.store.breaks import BreakStore
from functions.shared.store.callers import platform_of_role
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.payments import PaymentStore
from functions.shared.store.payouts import PayoutStore
from functions.shared.store.returns import ReturnStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.vouchers import VoucherStore


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _breaks() -> BreakDesk:
    database = _database()
    return BreakDesk(BreakStore(database), CampaignStore(database), VoucherStore(database))


@cache
def _returns() -> ReturnDesk:
    return ReturnDesk(ReturnStore(_database()), PaymentStore(_database()))


@cache
def _settlements() -> SettlementDesk:
    database = _database()
    return SettlementDesk(
        CampaignStore(database),
        SettlementStore(database),
        PayoutStore(database),
        PaymentStore(database),
    )


@cache
def _payments() -> PaymentDesk:
    return PaymentDesk(PaymentStore(_database()))


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _breaks.cache_clear()
    _returns.cache_clear()
    _settlements.cache_clear()
    _payments.cache_clear()
    app.platforms.forget()


app = App("finance", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation("list_breaks", query=BreaksQuery, gives={200: BreakList})
def list_breaks(request: Request[None, BreaksQuery]) -> Answer:
    """A platform's unresolved breaks, oldest first, with their age / 未处理的对账差错及账龄。"""
    query = request.query
    found = _breaks().unresolved(query.platform_id, after=query.after, limit=query.limit + 1)
    return Answer(200, break_list(list(found), limit=query.limit, now=request.now))


@app.operation("get_break", gives={200: BreakAnswer}, refuses=(Code.NOT_FOUND,))
def get_break(request: Request) -> Answer:
    """A break, both sides of it and its history / 查询对账差错及其经过。"""
    found = _breaks().find(**request.path)
    return Answer(200, break_answer(found, request.now), version=found.version)


@app.operation(
    "put_break_resolution",
    body=ResolutionBody,
    gives={200: BreakAnswer},
    refuses=(Code.NOT_FOUND, Code.BREAK_STATE, Code.BREAK_NOT_ADJUSTABLE),
)
def put_break_resolution(request: Request[ResolutionBody]) -> Answer:
    """Proposes how to end the break that you read / 提出差错处理意见，待审批。"""
    desk = _breaks()
    after, replayed = desk.propose(
        desk.find(**request.path),
        ResolutionKind(request.body.kind),
        request.body.reason,
        version=request.expected_version,
        by=request.caller.person,
        now=request.now,
    )
    return Answer(200, break_answer(after, request.now), replayed, version=after.version)


@app.operation(
    "approve_break_resolution",
    gives={200: BreakAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.BREAK_STATE,
        Code.SAME_PERSON,
        Code.BREAK_NOT_ADJUSTABLE,
        Code.FUNDS_INSUFFICIENT,
        Code.CAMPAIGN_STATE,
        Code.CAMPAIGN_CLOSING,
    ),
    versioned=True,
)
def approve_break_resolution(request: Request) -> Answer:
    """Approves the proposal that you read; the break is ended / 审批差错处理意见。"""
    desk = _breaks()
    after, replayed = desk.approve(
        desk.find(**request.path),
        version=request.expected_version,
        by=request.caller.person,
        now=request.now,
    )
    return Answer(200, break_answer(after, request.now), replayed, version=after.version)


@app.operation("list_fund_returns", gives={200: FundReturnList})
def list_fund_returns(request: Request) -> Answer:
    """The campaign's fund returns and their payments / 查询活动的资金退回单。"""
    return Answer(200, fund_return_list(_returns().all(request.path["campaign_id"])))


@app.operation("get_fund_return", gives={200: FundReturnAnswer}, refuses=(Code.NOT_FOUND,))
def get_fund_return(request: Request) -> Answer:
    """A fund return and its payments / 查询资金退回单及其付款。"""
    found = _fund_return(request)
    return Answer(200, fund_return_answer(found), version=version_of(found.payments))


def _fund_return(request: Request[Any, Any]) -> Paid[FundReturn]:
    return _returns().find(request.path["campaign_id"], int(request.path["run"]))


@app.operation("list_settlements", gives={200: SettlementList}, refuses=(Code.NOT_FOUND,))
def list_settlements(request: Request) -> Answer:
    """Your settlements in a campaign: to confirm, confirmed, paid / 查询结算单及付款进度。"""
    return Answer(200, settlement_list(_own_account(request)))


@app.operation(
    "confirm_settlement",
    body=ConfirmBody,
    gives={200: SettlementList},
    refuses=(Code.NOT_FOUND, Code.STATEMENT_MISMATCH),
)
def confirm_settlement(request: Request[ConfirmBody]) -> Answer:
    """Confirms a statement that agrees with your books / 确认结算单。"""
    replayed = _settlements().confirm(
        _own_account(request), request.path["business_on"], told_of(request.body), request.now
    )
    return Answer(200, settlement_list(_own_account(request)), replayed)


def _own_account(request: Request[Any, Any]) -> SettlementAccount:
    return _settlements().account(request.path["campaign_id"], request.platform_id, request.now)


@app.operation(
    "get_settlement_account",
    gives={200: SettlementAccountAnswer},
    refuses=(Code.NOT_FOUND,),
)
def get_settlement_account(request: Request) -> Answer:
    """A platform's settlements, what is due on them, and payouts / 查询平台结算与付款情况。"""
    account = _account(request)
    return Answer(200, settlement_account_answer(account), version=account.version)


@app.operation(
    "draw_payout",
    gives={200: PayoutAnswer, 201: PayoutAnswer},
    refuses=(Code.NOT_FOUND, Code.PAYOUT_NOT_DUE, Code.CONTRACT_MISSING),
    versioned=True,
)
def draw_payout(request: Request) -> Answer:
    """Nets all that is due by the account that you read / 汇总应付结算单，生成付款单。"""
    drawn, replayed = _settlements().draw(
        _account(request),
        version=request.expected_version,
        by=request.caller.person,
        now=request.now,
    )
    version = version_of(drawn.payments)
    return Answer(200 if replayed else 201, payout_answer(drawn), replayed, version=version)


def _account(request: Request[Any, Any]) -> SettlementAccount:
    return _settlements().account(**request.path, now=request.now)


@app.operation("get_payout", gives={200: PayoutAnswer}, refuses=(Code.NOT_FOUND,))
def get_payout(request: Request) -> Answer:
    """A payout and its payments / 查询付款单及其付款。"""
    found = _payout(request)
    return Answer(200, payout_answer(found), version=version_of(found.payments))


def _payout(request: Request[Any, Any]) -> Paid[Payout]:
    path = request.path
    return _settlements().payout(path["campaign_id"], path["platform_id"], int(path["number"]))


# The four steps of a payment, for each thing that is paid.

Found = TypeVar("Found")


def _pays(
    what: str,
    find: Callable[[Request[Any, Any]], Paid[Found]],
    answer: Callable[[Paid[Found]], AnswerModel],
    model: type[AnswerModel],
) -> None:
    """Declares what the bureau does to pay it.

    Args:
        what: is paid, as the operations are named.
        find: reads it, as the request names it.
        answer: shows it.
        model: of the answers.

    """

    def told(found: Paid[Found], step: tuple[Payments, bool]) -> Answer:
        payments, replayed = step
        after = replace(found, payments=payments)
        return Answer(200, answer(after), replayed, version=version_of(payments))

    @app.operation(
        f"propose_{what}_payment",
        gives={200: model},
        refuses=(Code.NOT_FOUND, Code.PAYMENT_STATE),
        versioned=True,
    )
    def propose(request: Request) -> Answer:
        """Proposes to pay all that is left of what you read / 提出付款，待复核。"""
        found = find(request)
        step = _payments().propose(
            found.payments,
            version=request.expected_version,
            by=request.caller.person,
            now=request.now,
        )
        return told(found, step)

    @app.operation(
        f"approve_{what}_payment",
        gives={200: model},
        refuses=(Code.NOT_FOUND, Code.PAYMENT_STATE, Code.SAME_PERSON),
        versioned=True,
    )
    def approve(request: Request) -> Answer:
        """Approves the payment that you read; it is instructed next / 复核付款并生成指令。"""
        found, person = find(request), request.caller.person
        step = _payments().approve(
            found.payments, version=request.expected_version, by=person, now=request.now
        )
        payments, replayed = step
        if not replayed:
            telemetry.warning(
                "payment approved",
                by=person,
                campaign_id=payments.owed.campaign_id,
                pays=payments.owed.reference,
            )
        return told(found, step)

    @app.operation(
        f"withdraw_{what}_payment",
        gives={200: model},
        refuses=(Code.NOT_FOUND, Code.PAYMENT_STATE),
        versioned=True,
    )
    def withdraw(request: Request) -> Answer:
        """Takes back a payment that nobody has approved / 撤回未复核的付款。"""
        found, person = find(request), request.caller.person
        step = _payments().withdraw(
            found.payments, version=request.expected_version, by=person, now=request.now
        )
        return told(found, step)

    @app.operation(
        f"enter_{what}_bank_reply",
        body=BankReplyBody,
        gives={200: model},
        refuses=(Code.NOT_FOUND, Code.PAYMENT_STATE, Code.PAYMENT_MISMATCH),
        versioned=True,
    )
    def reply(request: Request[BankReplyBody]) -> Answer:
        """Enters the bank's reply, if it is about the approved payment / 登记银行回执。"""
        found = find(request)
        told_by_bank = bank_reply_of(request.body, by=request.caller.person, now=request.now)
        step = _payments().reply(
            found.payments, told_by_bank, version=request.expected_version, now=request.now
        )
        return told(found, step)


_pays("return", _fund_return, fund_return_answer, FundReturnAnswer)
_pays("payout", _payout, payout_answer, PayoutAnswer)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)

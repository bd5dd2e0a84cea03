"""What the journal says of each record: which changes it tells of, and by what facts.

    voucher               voucher.claimed, .granted, .earned; .held, .redeemed, .expired …
    ledger entry          ledger.redeemed, ledger.refunded
    order that earned     order.earned, order.refunded
    adjusting entry       ledger.adjusted
    statement             settlement.made, settlement.confirmed
    payout, fund return   payout.drawn, fund.returned
    payment of either     payment.proposed, .approved, .withdrawn, .replied
    break                 break.proposed, break.resolved: what persons decide; what bills make of
                          it follows from the files of reconciliations

Only what never changes any more is told, so that a day can be written again. Persons are tokens of
the journal alone: equal for the same person within a campaign, and of no use in another file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.breaks import Break, BreakState, BreakStep, Resolution
from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.earnings import Earning, EarningRefund
from functions.shared.domain.fund_return import FundReturn
from functions.shared.domain.journal import Change
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.news import adjusting_news, entry_news, statement_news
from functions.shared.domain.payments import Payment, Payments
from functions.shared.domain.payouts import Payout
from functions.shared.domain.settlement import Statement, statement_id_of
from functions.shared.domain.vouchers import Voucher

ADJUSTED: Final = "ledger.adjusted"
RETURNED: Final = "fund.returned"
DRAWN: Final = "payout.drawn"
CONFIRMED: Final = "settlement.confirmed"
MADE: Final = "settlement.made"
ORDER_EARNED: Final = "order.earned"
ORDER_REFUNDED: Final = "order.refunded"
PROPOSED: Final = "break.proposed"
RESOLVED: Final = "break.resolved"
_TOKEN_CHARACTERS: Final = 20


def person_token(campaign_id: str, identity_ref: str) -> str:
    """An identity within one campaign's journal."""
    text = f"journal|{campaign_id}|{identity_ref}"
    return hashlib.sha256(text.encode()).hexdigest()[:_TOKEN_CHARACTERS]


def voucher_changes(voucher: Voucher) -> Iterator[Change]:
    """One change for each line of the voucher's timeline; the first says what was issued."""
    for number, entry in enumerate(voucher.timeline):
        data: dict[str, Any] = {"reference": entry.reference}
        if number == 0:
            data |= {
                "round_id": voucher.round_id,
                "voucher_type_id": voucher.voucher_type_id,
                "platform_id": voucher.platform_id,
                "reserve_fen": voucher.reserve_fen,
                "valid_from": to_rfc3339(voucher.valid_from),
                "valid_until": to_rfc3339(voucher.valid_until),
                "persons": [
                    person_token(voucher.campaign_id, ref) for ref in voucher.identity_refs
                ],
            }
        kind = f"voucher.{entry.event.value.lower()}"
        # Padded, so that lines of one instant keep their order.
        yield Change(entry.at, kind, f"{voucher.voucher_id}.{number:04d}", data)


def entry_change(entry: Redemption | Refund) -> Change:
    """A redemption as it was made, or a refund."""
    news = entry_news(entry)
    data = {
        **news.data,
        "platform_id": entry.platform_id,
        "industry": entry.industry,
        "size_class": entry.size_class,
    }
    return Change(entry.recorded_at, news.kind.removeprefix("huimin."), news.news_id, data)


def statement_change(statement: Statement, made_at: datetime) -> Change:
    """A statement of a platform's business date."""
    news = statement_news(statement, made_at)
    data = {
        **news.data,
        "platform_id": statement.platform_id,
        "entries_digest": statement.entries_digest,
    }
    return Change(made_at, MADE, news.news_id, data)


def adjusting_change(entry: AdjustingEntry) -> Change:
    """An adjusting entry, or its reversal."""
    news = adjusting_news(entry)
    data = {**news.data, "platform_id": entry.platform_id}
    return Change(entry.recorded_at, ADJUSTED, news.news_id, data)


def break_changes(found: Break) -> Iterator[tuple[str, Change]]:
    """Each step of persons in a break's history, with the campaign that it was of then."""
    for version, step in enumerate((*found.history, found.step()), start=1):
        made = step.resolution
        if made is None:
            continue
        if step.state is BreakState.PROPOSED:
            decided = PROPOSED, made.proposed_at, made.proposed_by
        elif step.state is BreakState.RESOLVED and made.approved_at and made.approved_by:
            decided = RESOLVED, made.approved_at, made.approved_by
        else:
            continue
        yield step.campaign_id, _decision(found, version, step, made, decided)


def _decision(
    found: Break,
    version: int,
    step: BreakStep,
    made: Resolution,
    decided: tuple[str, datetime, str],
) -> Change:
    kind, at, by = decided
    data = {
        "break_id": found.break_id,
        "platform_id": found.platform_id,
        "business_on": found.business_on.isoformat(),
        "bill_version": step.bill_version,
        "match_state": step.match_state.value,
        "difference_fen": step.difference_fen,
        "resolution": made.kind.value,
        "reason": made.reason,
        "by": by,
    }
    return Change(at, kind, f"{found.break_id}.{version:06d}", data)


def return_change(fund_return: FundReturn) -> Change:
    """A return of money to the source account."""
    data = {
        "run": fund_return.run,
        "appropriated_fen": fund_return.appropriated_fen,
        "redeemed_net_fen": fund_return.redeemed_net_fen,
        "adjusted_net_fen": fund_return.adjusted_net_fen,
        "returned_before_fen": fund_return.returned_before_fen,
        "settled_on": fund_return.settled_on.isoformat(),
        "to_return_fen": fund_return.to_return_fen,
        "account_number": fund_return.source_account.number,
    }
    return Change(fund_return.decided_at, RETURNED, fund_return.reference, data)


def earning_change(earning: Earning) -> Change:
    """That an order earned a voucher; of an order that redeemed one the ledger has the amounts."""
    amounts = earning.amounts
    data: dict[str, Any] = {
        "voucher_id": earning.voucher_id,
        "platform_id": earning.platform_id,
        "order_no": earning.order_no,
        "merchant_id": earning.merchant_id,
        "redemption_id": earning.redemption_id,
    }
    if amounts is not None:
        data |= {
            "order_fen": amounts.order_fen,
            "merchant_discount_fen": amounts.merchant_discount_fen,
            "platform_discount_fen": amounts.platform_discount_fen,
        }
    return Change(earning.recorded_at, ORDER_EARNED, f"{earning.voucher_id}.earn", data)


def earning_refund_change(refund: EarningRefund) -> Change:
    """A refund of a plain order that earned a voucher."""
    data = {
        "voucher_id": refund.voucher_id,
        "refund_no": refund.refund_no,
        "refund_fen": refund.refund_fen,
        "base_left_fen": refund.base_left_fen,
    }
    change_id = f"{refund.voucher_id}.refund.{refund.refund_no}"
    return Change(refund.recorded_at, ORDER_REFUNDED, change_id, data)


def confirmed_change(campaign_id: str, platform_id: str, on: date, at: datetime) -> Change:
    """That a platform confirmed the statement of a business date."""
    statement_id = statement_id_of(campaign_id, platform_id, on)
    data = {
        "platform_id": platform_id,
        "business_on": on.isoformat(),
        "statement_id": statement_id,
    }
    return Change(at, CONFIRMED, f"{statement_id}.confirmed", data)


def payout_change(payout: Payout) -> Change:
    """A payout as it was drawn up, with its statements: date, id and net."""
    owed = payout.owed
    data = {
        "platform_id": payout.platform_id,
        "number": payout.number,
        "net_fen": payout.net_fen,
        "statements": [
            [line.business_on.isoformat(), line.statement_id, line.net_fen] for line in payout.lines
        ],
        "payer_account": owed.paid_from.number,
        "payee_account": owed.payee.number,
        "drawn_by": payout.drawn_by,
    }
    return Change(payout.drawn_at, DRAWN, payout.reference, data)


def payment_changes(payments: Payments) -> Iterator[Change]:
    """Each step of each payment of what is owed."""
    for payment in payments.payments:
        for number, (verb, at, more) in enumerate(_steps(payment)):
            data = {
                "pays": payments.owed.reference,
                "payment": payment.number,
                "amount_fen": payment.amount_fen,
                **more,
            }
            yield Change(at, f"payment.{verb}", f"{payment.reference}.{number}", data)


def _steps(payment: Payment) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
    yield "proposed", payment.proposed_at, {"by": payment.proposed_by}
    if payment.withdrawn_at is not None:
        yield "withdrawn", payment.withdrawn_at, {"by": payment.withdrawn_by}
    if payment.approved_at is not None:
        yield "approved", payment.approved_at, {"by": payment.approved_by}
    if payment.reply is not None:
        reply = payment.reply
        more = {
            "by": reply.told_by,
            "paid_fen": reply.paid_fen,
            "account": reply.account_number,
            "bank_reference": reply.bank_reference,
        }
        yield "replied", reply.told_at, more

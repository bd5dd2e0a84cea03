"""News: what a committed change is told as, in the shape of a CloudEvent 1.0.

A piece of news follows from what is stored alone: a line of a voucher's timeline, an entry of the
ledger, a statement, a payout. So it is the same, id and all, however often and from wherever it is
told: whoever listens knows by the id that it has been heard before. It names no person.

    huimin.voucher.<event>      one for each line of a timeline: claimed, held, redeemed, ...
    huimin.ledger.redeemed      a redemption and its amounts
    huimin.ledger.refunded      a refund, its amounts, and the voucher's state right after
    huimin.ledger.adjusted      a bill was accepted, or that is reversed
    huimin.settlement.made      a statement of a platform's business date
    huimin.payout.drawn         statements are netted, to be paid
    huimin.payout.paid          what a payment of them came to
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.payments import Payment
from functions.shared.domain.payouts import Payout
from functions.shared.domain.refunds import Redeemed
from functions.shared.domain.settlement import Statement
from functions.shared.domain.vouchers import Voucher

SOURCE: Final = "huimin"
"""What EventBridge calls the source of every piece of news."""

Value = str | int


@dataclass(frozen=True, slots=True)
class News:
    """A committed change.

    Args:
        news_id: the same whenever the same change is told.
        kind: the CloudEvent's type.
        subject: the id of what changed.
        platform_id: whom it is about.
        at: when it was committed, as recorded.
        data: facts by name; amounts in fen.

    """

    news_id: str
    kind: str
    subject: str
    platform_id: str
    at: datetime
    data: Mapping[str, Value]

    def cloud_event(self, source: str, *, is_replay: bool) -> dict[str, object]:
        """The CloudEvent; `replayed`, an extension, says that it is told again on purpose.

        Args:
            source: names the deployment, as a URI reference.
            is_replay: whether somebody asked for it again.

        """
        return {
            "specversion": "1.0",
            "id": self.news_id,
            "source": source,
            "type": self.kind,
            "subject": self.subject,
            "time": to_rfc3339(self.at),
            "datacontenttype": "application/json",
            "replayed": is_replay,
            "data": {"platform_id": self.platform_id, **self.data},
        }


def voucher_news(voucher: Voucher, since: int = 0) -> Iterator[News]:
    """One piece for each line of the voucher's timeline, from the line of that number on."""
    for number, entry in enumerate(voucher.timeline):
        if number >= since:
            yield News(
                news_id=f"{voucher.voucher_id}.{number}",
                kind=f"huimin.voucher.{entry.event.value.lower()}",
                subject=voucher.voucher_id,
                platform_id=voucher.platform_id,
                at=entry.at,
                data={
                    "voucher_id": voucher.voucher_id,
                    "campaign_id": voucher.campaign_id,
                    "round_id": voucher.round_id,
                    "voucher_type_id": voucher.voucher_type_id,
                    # The number of the request, order or refund that did it; empty for a sweep.
                    "reference": entry.reference,
                },
            )


def entry_news(entry: Redemption | Refund) -> News:
    """A redemption as it was made, or a refund."""
    facts: dict[str, Value] = {
        "redemption_id": entry.redemption_id,
        "voucher_id": entry.voucher_id,
        "campaign_id": entry.campaign_id,
        "round_id": entry.round_id,
        "voucher_type_id": entry.voucher_type_id,
        "merchant_id": entry.merchant_id,
        "order_no": entry.order_no,
        "business_on": entry.business_on.isoformat(),
    }
    amounts: Redeemed | Refund
    if isinstance(entry, Redemption):
        name, verb, amounts = "redeem", "redeemed", entry.amounts
    else:
        name, verb, amounts = f"refund.{entry.refund_no}", "refunded", entry
        facts |= {
            "refund_no": entry.refund_no,
            "refund_fen": entry.refund_fen,
            "voucher_state": entry.voucher_state.value,
        }
    facts |= {
        "order_fen": amounts.order_fen,
        "merchant_discount_fen": amounts.merchant_discount_fen,
        "platform_discount_fen": amounts.platform_discount_fen,
        "voucher_fen": amounts.voucher_fen,
        "fiscal_part_fen": amounts.parts.fiscal_fen,
        "platform_part_fen": amounts.parts.platform_fen,
        "merchant_part_fen": amounts.parts.merchant_fen,
        "paid_fen": amounts.paid_fen,
    }
    return News(
        news_id=f"{entry.redemption_id}.{name}",
        kind=f"huimin.ledger.{verb}",
        subject=entry.redemption_id,
        platform_id=entry.platform_id,
        at=entry.recorded_at,
        data=facts,
    )


def statement_news(statement: Statement, made_at: datetime) -> News:
    """A statement of a platform's business date."""
    return News(
        news_id=statement.statement_id,
        kind="huimin.settlement.made",
        subject=statement.statement_id,
        platform_id=statement.platform_id,
        at=made_at,
        data={
            "statement_id": statement.statement_id,
            "campaign_id": statement.campaign_id,
            "business_on": statement.business_on.isoformat(),
            "payable_fen": statement.payable_fen,
            "payable_side": statement.payable_side.value,
        },
    )


def adjusting_news(entry: AdjustingEntry) -> News:
    """An adjusting entry, or its reversal."""
    order_no, entry_type, refund_no = entry.row.key
    return News(
        news_id=entry.entry_id,
        kind="huimin.ledger.adjusted",
        subject=entry.break_id,
        platform_id=entry.platform_id,
        at=entry.recorded_at,
        data={
            "campaign_id": entry.campaign_id,
            "business_on": entry.business_on.isoformat(),
            "break_id": entry.break_id,
            "origin_on": entry.origin_on.isoformat(),
            "order_no": order_no,
            "entry_type": entry_type.value,
            "refund_no": refund_no,
            "voucher_id": entry.row.voucher_id,
            "ledger_fen": entry.ledger_fen,
            "bill_fen": entry.bill_fen,
            "fiscal_part_fen": entry.parts.fiscal_fen,
            "platform_part_fen": entry.parts.platform_fen,
            "merchant_part_fen": entry.parts.merchant_fen,
            "is_reversal": entry.is_reversal,
        },
    )


def payout_news(payout: Payout) -> News:
    """A payout of a platform's statements."""
    return News(
        news_id=payout.reference,
        kind="huimin.payout.drawn",
        subject=payout.reference,
        platform_id=payout.platform_id,
        at=payout.drawn_at,
        data={
            "campaign_id": payout.campaign_id,
            "number": payout.number,
            "reference": payout.reference,
            "first_on": payout.lines[0].business_on.isoformat(),
            "last_on": payout.lines[-1].business_on.isoformat(),
            "statements": len(payout.lines),
            "payable_fen": abs(payout.net_fen),
            "payable_side": payout.payable_side.value,
        },
    )


def paid_news(
    campaign_id: str, payout_key: str, payments: Sequence[Payment], since: int = 0
) -> Iterator[News]:
    """One piece for each reply to a payment of a payout: what the bank says that it paid.

    Args:
        campaign_id: whose payout.
        payout_key: its key; see `functions.shared.domain.payouts`.
        payments: of it, oldest first.
        since: how many replies were told before.

    """
    _, platform_id, number = payout_key.split("#")
    replies = [(payment, payment.reply) for payment in payments if payment.reply is not None]
    for payment, reply in replies[since:]:
        yield News(
            news_id=f"{payment.reference}.reply",
            kind="huimin.payout.paid",
            subject=payment.reference,
            platform_id=platform_id,
            at=reply.told_at,
            data={
                "campaign_id": campaign_id,
                "number": int(number),
                "payment": payment.reference,
                "state": payment.state.value,
                "paid_fen": reply.paid_fen,
                "bank_reference": reply.bank_reference,
            },
        )

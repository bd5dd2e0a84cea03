"""Paying what is owed: two persons release a payment, and the bank says what became of it.

    left ──propose──> PROPOSED ──approve, by another person──> APPROVED ──the bank's reply──┐
      ^                  └──withdraw──> WITHDRAWN                                           v
      └───────── less than was instructed: PARTLY_PAID, FAILED <───────────────────────> PAID

One payment is under way at a time, and never for more than is left: what was paid and what is
under way add up to no more than is owed, whatever anybody proposes when.

What is owed is decided elsewhere and never changes: a fund return at the closing
(`functions.shared.domain.fund_return`), a payout of settlements
(`functions.shared.domain.payouts`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.domain.campaign import BankAccount
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.money import MAX_CAMPAIGN_FEN, require_fen


class PaymentState(StrEnum):
    """How far a payment has come."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    """The instruction is, or will at the next tick be, in the bucket: the bank may pay it."""
    WITHDRAWN = "WITHDRAWN"
    """Taken back before anybody approved it."""
    PAID = "PAID"
    PARTLY_PAID = "PARTLY_PAID"
    FAILED = "FAILED"


MOST_PAYMENTS = 99
"""Of one amount owed: somebody should have looked long before."""

UNDER_WAY = frozenset({PaymentState.PROPOSED, PaymentState.APPROVED})
"""Nothing else may be proposed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """An amount that one account owes another, as it was decided.

    Args:
        campaign_id: whose money it is.
        key: names it among the campaign's statements.
        reference: names it at the bank, as `reference_of` makes it.
        amount_fen: what is to be paid; not negative.
        payer: the account it is paid from; None where the money was never paid in, so that there
            is nothing to pay.
        payee: the only account it may be paid to.

    """

    campaign_id: str
    key: str
    reference: str
    amount_fen: int
    payer: BankAccount | None
    payee: BankAccount

    @property
    def paid_from(self) -> BankAccount:
        """The payer of what can be paid.

        Raises:
            ValueError: there is none, and so no payment can have been proposed.

        """
        if self.payer is None:
            raise ValueError(f"{self.reference} has no account to be paid from")
        return self.payer


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReply:
    """What the bank says of an instruction.

    Args:
        reference: of the instruction that it answers.
        account_number: the account that was credited, or should have been.
        paid_fen: what was credited; 0 where nothing was.
        bank_reference: names the bank's own entry or refusal.
        note: in the bank's words; empty where it gives none.
        told_by: who entered it.
        told_at: when.

    """

    reference: str
    account_number: str
    paid_fen: int
    bank_reference: str
    note: str
    told_by: str
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment of what is owed.

    Args:
        number: counts the payments of one amount owed from 1.
        state: how far it has come.
        amount_fen: what the bank is asked to pay; positive.
        reference: names it at the bank; at most 35 characters, no two alike.
        proposed_by: who proposed it.
        proposed_at: when.
        approved_by: who approved it; never who proposed it.
        approved_at: when.
        withdrawn_by: who took it back instead.
        withdrawn_at: when.
        reply: what the bank said.

    """

    number: int
    state: PaymentState
    amount_fen: int
    reference: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    reply: BankReply | None = None

    @property
    def paid_fen(self) -> int:
        """What the bank has paid of it."""
        return self.reply.paid_fen if self.reply else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """All payments of one amount owed, oldest first.

    Args:
        owed: what they pay.
        payments: oldest first; only the last can be under way.
        version: counts its changes; 0 before the first.

    Raises:
        ValueError: more is paid or under way than is owed, or two payments are under way.

    """

    owed: Owed
    payments: tuple[Payment, ...] = ()
    version: int = 0

    def __post_init__(self) -> None:
        require_fen(self.owed.amount_fen, name="owed_fen", high=MAX_CAMPAIGN_FEN)
        under_way_fen = sum(p.amount_fen for p in self.payments if p.state in UNDER_WAY)
        if self.paid_fen + under_way_fen > self.owed_fen:
            raise ValueError("more is paid or under way than is owed")
        if any(p.state in UNDER_WAY for p in self.payments[:-1]):
            raise ValueError("two payments are under way")

    @property
    def owed_fen(self) -> int:
        """What the bank is to pay in all; 0 where there is no account to pay it from."""
        return self.owed.amount_fen if self.owed.payer else 0

    @property
    def account_number(self) -> str:
        """Of the only account that may be credited."""
        return self.owed.payee.number

    @property
    def paid_fen(self) -> int:
        """What has arrived at the payee's account."""
        return sum(payment.paid_fen for payment in self.payments)

    @property
    def left_fen(self) -> int:
        """What has not."""
        return self.owed_fen - self.paid_fen

    @property
    def last(self) -> Payment | None:
        """The newest payment."""
        return self.payments[-1] if self.payments else None

    def proposed(self, *, by: str, now: datetime) -> Payments:
        """With a payment of all that is left.

        Raises:
            HuiminError: PAYMENT_STATE, where one is under way or nothing is left.

        """
        last = self.last
        if (last is not None and last.state in UNDER_WAY) or not self.left_fen:
            raise self._refused()
        number = len(self.payments) + 1
        if number > MOST_PAYMENTS:
            raise self._refused()
        payment = Payment(
            number=number,
            state=PaymentState.PROPOSED,
            amount_fen=self.left_fen,
            reference=payment_reference(self.owed.reference, number),
            proposed_by=by,
            proposed_at=_as_written(now),
        )
        return replace(self, payments=(*self.payments, payment), version=self.version + 1)

    def approved(self, *, by: str, now: datetime) -> Payments:
        """With the proposed payment approved.

        Raises:
            HuiminError: PAYMENT_STATE, where none is proposed; SAME_PERSON.

        """
        last = self._last(PaymentState.PROPOSED)
        if last.proposed_by == by:
            raise HuiminError(Code.SAME_PERSON)
        return self._changed(
            replace(last, state=PaymentState.APPROVED, approved_by=by, approved_at=_as_written(now))
        )

    def withdrawn(self, *, by: str, now: datetime) -> Payments:
        """With the proposed payment taken back.

        Raises:
            HuiminError: PAYMENT_STATE, where none is proposed.

        """
        last = self._last(PaymentState.PROPOSED)
        return self._changed(
            replace(
                last, state=PaymentState.WITHDRAWN, withdrawn_by=by, withdrawn_at=_as_written(now)
            )
        )

    def replied(self, reply: BankReply) -> Payments:
        """With the bank's reply to the approved payment.

        Raises:
            HuiminError: PAYMENT_STATE, where none is approved; PAYMENT_MISMATCH, where the reply
                is not about this payment, this account, or is about more than was instructed.

        """
        last = self._last(PaymentState.APPROVED)
        for name, told, asked in (
            ("reference", reply.reference, last.reference),
            ("account_number", reply.account_number, self.account_number),
        ):
            if told != asked:
                raise HuiminError(Code.PAYMENT_MISMATCH, field=name, expected=asked)
        if not 0 <= reply.paid_fen <= last.amount_fen:
            raise HuiminError(
                Code.PAYMENT_MISMATCH, field="paid_fen", expected=f"0-{last.amount_fen}"
            )
        state = PaymentState.PARTLY_PAID
        if reply.paid_fen in (0, last.amount_fen):
            state = PaymentState.PAID if reply.paid_fen else PaymentState.FAILED
        return self._changed(replace(last, state=state, reply=reply))

    def _last(self, state: PaymentState) -> Payment:
        last = self.last
        if last is None or last.state is not state:
            raise self._refused()
        return last

    def _refused(self) -> HuiminError:
        state = self.last.state.value if self.last else "NONE"
        return HuiminError(Code.PAYMENT_STATE, state=state, left_fen=self.left_fen)

    def _changed(self, last: Payment) -> Payments:
        return replace(self, payments=(*self.payments[:-1], last), version=self.version + 1)


def reference_of(letter: str, number: int, digest: str) -> str:
    """A reference for the bank, of A-Z, 0-9 and hyphens.

    What it names can be longer than a payment message takes (35 characters, ISO 20022 Max35Text),
    so that it goes in hashed.

    Args:
        letter: tells kinds of debts apart, R or S.
        number: counts those of the kind, from 1.
        digest: hexadecimal, over all that tells this one from all others.

    """
    return f"HUIMIN-{letter}{number:04d}-{digest[:20].upper()}"


def payment_reference(reference: str, number: int) -> str:
    """The payment's name at the bank; that of the first is the one of what is owed."""
    if number == 1:
        return reference
    head, _, digest = reference.rpartition("-")
    return f"{head}P{number:02d}-{digest[:18]}"


def _as_written(now: datetime) -> datetime:
    """Cut to what is written down, so that what is read back is equal."""
    return parse_rfc3339(to_rfc3339(now))


def to_payload(payments: Payments) -> str:
    """All payments as canonical JSON, to be stored; what they pay is stored elsewhere."""
    plain = {
        "version": payments.version,
        "payments": [_payment_document(payment) for payment in payments.payments],
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def from_payload(owed: Owed, payload: str) -> Payments:
    """The payments that `to_payload` wrote."""
    version = json.loads(payload)["version"]
    return Payments(owed=owed, version=version, payments=payments_in(payload))


def payments_in(payload: str) -> tuple[Payment, ...]:
    """The payments alone, where what they pay is not at hand."""
    return tuple(_payment(document) for document in json.loads(payload)["payments"])


def _payment_document(payment: Payment) -> dict[str, object]:
    reply = payment.reply
    return {
        "number": payment.number,
        "state": payment.state.value,
        "amount_fen": payment.amount_fen,
        "reference": payment.reference,
        "proposed_by": payment.proposed_by,
        "proposed_at": to_rfc3339(payment.proposed_at),
        "approved_by": payment.approved_by,
        "approved_at": to_rfc3339(payment.approved_at) if payment.approved_at else None,
        "withdrawn_by": payment.withdrawn_by,
        "withdrawn_at": to_rfc3339(payment.withdrawn_at) if payment.withdrawn_at else None,
        "reply": None
        if reply is None
        else {
            "reference": reply.reference,
            "account_number": reply.account_number,
            "paid_fen": reply.paid_fen,
            "bank_reference": reply.bank_reference,
            "note": reply.note,
            "told_by": reply.told_by,
            "told_at": to_rfc3339(reply.told_at),
        },
    }


def _payment(document: Mapping[str, Any]) -> Payment:
    reply, approved_at = document["reply"], document["approved_at"]
    withdrawn_at = document["withdrawn_at"]
    return Payment(
        number=document["number"],
        state=PaymentState(document["state"]),
        amount_fen=document["amount_fen"],
        reference=document["reference"],
        proposed_by=document["proposed_by"],
        proposed_at=parse_rfc3339(document["proposed_at"]),
        approved_by=document["approved_by"],
        approved_at=parse_rfc3339(approved_at) if approved_at else None,
        withdrawn_by=document["withdrawn_by"],
        withdrawn_at=parse_rfc3339(withdrawn_at) if withdrawn_at else None,
        reply=BankReply(**{**reply, "told_at": parse_rfc3339(reply["told_at"])}) if reply else None,
    )

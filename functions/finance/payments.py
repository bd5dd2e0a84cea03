"""How two persons pay what is owed, and what the bank's reply makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.payments import BankReply, Payments, PaymentState
from functions.shared.store.payments import PaymentStore


def version_of(payments: Payments) -> int:
    """What a change must name; counts from 1, before anybody has proposed a payment."""
    return payments.version + 1


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Paid(Generic[Made]):
    """A fund return or a payout as it was decided, and its payments."""

    made: Made
    payments: Payments


class PaymentDesk:
    """The use cases about payments, whatever they pay.

    Args:
        payments: of every amount owed.

    """

    def __init__(self, payments: PaymentStore) -> None:
        self._payments = payments

    def propose(
        self, found: Payments, *, version: int, by: str, now: datetime
    ) -> tuple[Payments, bool]:
        """Proposes to pay all that is left of what the operator read.

        True with the payments as they are where the same person proposed it before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.last
        is_done = (
            last is not None and last.state is PaymentState.PROPOSED and last.proposed_by == by
        )
        return self._change(
            found, lambda p: p.proposed(by=by, now=now), version=version, is_done=is_done, now=now
        )

    def approve(
        self, found: Payments, *, version: int, by: str, now: datetime
    ) -> tuple[Payments, bool]:
        """Approves the very payment that the approver read; its instruction is published next.

        True with the payments as they are where the same person approved it before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE, SAME_PERSON; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.last
        is_done = (
            last is not None and last.state is PaymentState.APPROVED and last.approved_by == by
        )
        return self._change(
            found, lambda p: p.approved(by=by, now=now), version=version, is_done=is_done, now=now
        )

    def withdraw(
        self, found: Payments, *, version: int, by: str, now: datetime
    ) -> tuple[Payments, bool]:
        """Takes back a proposal that nobody has approved.

        True with the payments as they are where the same person took it back before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.last
        is_done = (
            last is not None and last.state is PaymentState.WITHDRAWN and last.withdrawn_by == by
        )
        return self._change(
            found, lambda p: p.withdrawn(by=by, now=now), version=version, is_done=is_done, now=now
        )

    def reply(
        self, found: Payments, reply: BankReply, *, version: int, now: datetime
    ) -> tuple[Payments, bool]:
        """Enters what the bank says of the approved payment, if it is about that payment.

        True with the payments as they are where the same was entered before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE, PAYMENT_MISMATCH; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.last
        told = last.reply if last else None
        is_done = told is not None and replace(reply, told_at=told.told_at) == told
        return self._change(
            found, lambda p: p.replied(reply), version=version, is_done=is_done, now=now
        )

    def _change(
        self,
        found: Payments,
        change: Callable[[Payments], Payments],
        *,
        version: int,
        is_done: bool,
        now: datetime,
    ) -> tuple[Payments, bool]:
        if is_done and version_of(found) == version + 1:
            return found, True
        if version_of(found) != version:
            raise HuiminError(Code.VERSION_MISMATCH, stored_version=version_of(found))
        after = change(found)
        self._payments.change(found, after, now=now)
        return after, False

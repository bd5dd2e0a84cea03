"""Fund returns as the bureau sees them: what was decided, and how it is paid by two persons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.fund_return import FundReturn
from functions.shared.domain.return_payments import BankReply, PaymentState, ReturnPayments
from functions.shared.store.return_payments import ReturnPaymentStore
from functions.shared.store.returns import ReturnStore


@dataclass(frozen=True, slots=True)
class PaidReturn:
    """A return and its payments; `version` is what a change must name."""

    made: FundReturn
    payments: ReturnPayments

    @property
    def version(self) -> int:
        """Counts from 1, before anybody has proposed a payment."""
        return self.payments.version + 1


class ReturnDesk:
    """The use cases about fund returns.

    Args:
        returns: of every campaign.
        payments: of every return.

    """

    def __init__(self, returns: ReturnStore, payments: ReturnPaymentStore) -> None:
        self._returns = returns
        self._payments = payments

    def all(self, campaign_id: str) -> list[PaidReturn]:
        """The campaign's returns, by run; none before it is closed."""
        return [
            PaidReturn(made, self._payments.of(made)) for made in self._returns.all(campaign_id)
        ]

    def find(self, campaign_id: str, run: int) -> PaidReturn:
        """One return.

        Raises:
            HuiminError: NOT_FOUND.

        """
        made = self._returns.fund_return(campaign_id, run)
        if made is None:
            raise HuiminError(Code.NOT_FOUND, what="fund return")
        return PaidReturn(made, self._payments.of(made))

    def propose(
        self, found: PaidReturn, *, version: int, by: str, now: datetime
    ) -> tuple[PaidReturn, bool]:
        """Proposes to pay all that is left of the return that the operator read.

        True with the return as it is where the same person proposed it before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.payments.last
        is_done = (
            last is not None and last.state is PaymentState.PROPOSED and last.proposed_by == by
        )
        return self._change(
            found, lambda p: p.proposed(by=by, now=now), version=version, is_done=is_done, now=now
        )

    def approve(
        self, found: PaidReturn, *, version: int, by: str, now: datetime
    ) -> tuple[PaidReturn, bool]:
        """Approves the very payment that the approver read; its instruction is published next.

        True with the return as it is where the same person approved it before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE, SAME_PERSON; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.payments.last
        is_done = (
            last is not None and last.state is PaymentState.APPROVED and last.approved_by == by
        )
        return self._change(
            found, lambda p: p.approved(by=by, now=now), version=version, is_done=is_done, now=now
        )

    def withdraw(
        self, found: PaidReturn, *, version: int, now: datetime
    ) -> tuple[PaidReturn, bool]:
        """Takes back a proposal that nobody has approved.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.payments.last
        is_done = last is not None and last.state is PaymentState.WITHDRAWN
        return self._change(
            found, ReturnPayments.withdrawn, version=version, is_done=is_done, now=now
        )

    def reply(
        self, found: PaidReturn, reply: BankReply, *, version: int, now: datetime
    ) -> tuple[PaidReturn, bool]:
        """Enters what the bank says of the approved payment, if it is about that payment.

        True with the return as it is where the same was entered before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYMENT_STATE, PAYMENT_MISMATCH; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = found.payments.last
        told = last.reply if last else None
        is_done = told is not None and replace(reply, told_at=told.told_at) == told
        return self._change(
            found, lambda p: p.replied(reply), version=version, is_done=is_done, now=now
        )

    def _change(
        self,
        found: PaidReturn,
        change: Callable[[ReturnPayments], ReturnPayments],
        *,
        version: int,
        is_done: bool,
        now: datetime,
    ) -> tuple[PaidReturn, bool]:
        if is_done and found.version == version + 1:
            return found, True
        if found.version != version:
            raise HuiminError(Code.VERSION_MISMATCH, stored_version=found.version)
        after = change(found.payments)
        self._payments.change(found.payments, after, now=now)
        return PaidReturn(found.made, after), False

"""Fund returns as the bureau sees them: what was decided, and what of it is paid."""

from __future__ import annotations

from functions.finance.payments import Paid
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.fund_return import FundReturn
from functions.shared.store.payments import PaymentStore
from functions.shared.store.returns import ReturnStore


class ReturnDesk:
    """The use cases about fund returns; paying them is `functions.campaign.payments`.

    Args:
        returns: of every campaign.
        payments: of every return.

    """

    def __init__(self, returns: ReturnStore, payments: PaymentStore) -> None:
        self._returns = returns
        self._payments = payments

    def all(self, campaign_id: str) -> list[Paid[FundReturn]]:
        """The campaign's returns, by run; none before it is closed."""
        return [self._paid(made) for made in self._returns.all(campaign_id)]

    def find(self, campaign_id: str, run: int) -> Paid[FundReturn]:
        """One return.

        Raises:
            HuiminError: NOT_FOUND.

        """
        made = self._returns.fund_return(campaign_id, run)
        if made is None:
            raise HuiminError(Code.NOT_FOUND, what="fund return")
        return self._paid(made)

    def _paid(self, made: FundReturn) -> Paid[FundReturn]:
        return Paid(made, self._payments.of(made.owed))

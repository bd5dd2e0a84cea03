"""Single vouchers as the bureau sees them: their whole story, and how one is made void."""

from __future__ import annotations

from datetime import datetime

from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.vouchers import (
    Refusal,
    Voucher,
    VoucherEvent,
    VoucherState,
    require_voidable,
)
from functions.shared.store.refusals import RefusalStore
from functions.shared.store.transaction import Cancelled
from functions.shared.store.vouchers import VoucherStore


class VoucherDesk:
    """The use cases about single vouchers.

    Args:
        vouchers: all there are, whichever platform's.
        refusals: why each was refused last.

    """

    def __init__(self, vouchers: VoucherStore, refusals: RefusalStore) -> None:
        self._vouchers = vouchers
        self._refusals = refusals

    def story(self, voucher_id: str) -> tuple[Voucher, Refusal | None]:
        """The voucher, whichever platform's, and why it was refused last.

        Raises:
            HuiminError: NOT_FOUND.

        """
        return self.voucher(voucher_id), self._refusals.last(voucher_id)

    def voucher(self, voucher_id: str) -> Voucher:
        """The voucher, whichever platform's.

        Raises:
            HuiminError: NOT_FOUND.

        """
        voucher = self._vouchers.get(voucher_id)
        if voucher is None:
            raise HuiminError(Code.NOT_FOUND, what="voucher")
        return voucher

    def void(self, voucher_id: str, *, void_no: str, now: datetime) -> tuple[Voucher, bool]:
        """Makes an unused voucher void; its money lapses to its round. True on a replay.

        A hold does not keep it: the order that holds it can no longer use it.

        Raises:
            HuiminError: NOT_FOUND, VOUCHER_EXPIRED, VOUCHER_NOT_REDEEMABLE (used, or void already
                by another number); nothing has changed.
            Busy: contention outlasted the retries.

        """
        voucher = self.voucher(voucher_id)
        if _was_voided_by(voucher, void_no):
            return voucher, True
        require_voidable(voucher, now)
        try:
            return self._vouchers.void(voucher, void_no=void_no, now=now), False
        except Cancelled as cancelled:
            changed = self.voucher(voucher_id)
            if _was_voided_by(changed, void_no):
                return changed, True
            require_voidable(changed, now)
            raise Busy(operation="void") from cancelled


def _was_voided_by(voucher: Voucher, void_no: str) -> bool:
    return voucher.state is VoucherState.VOIDED and any(
        (entry.event, entry.reference) == (VoucherEvent.VOIDED, void_no)
        for entry in voucher.timeline
    )

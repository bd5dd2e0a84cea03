"""What becomes of a voucher when its redemption is refunded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from functions.shared.domain.refund_policies import (
    RefundPolicies,
    WholeExpiredPolicy,
    WholeValidPolicy,
)
from functions.shared.domain.refunds import RefundStep
from functions.shared.domain.vouchers import Voucher, VoucherState


@dataclass(frozen=True, slots=True)
class Fate:
    """What a refund makes of a voucher: its state, its slack, and the money that lapses."""

    state: VoucherState
    slack_fen: int
    lapsed_fen: int


def fate_after_refund(
    voucher: Voucher,
    step: RefundStep,
    policies: RefundPolicies,
    *,
    redeemed_fiscal_fen: int,
    now: datetime,
) -> Fate:
    """What becomes of a redeemed voucher and of the fiscal money that the refund reverses.

    A restored voucher takes back its whole reserve, so it never asks for more than was set aside
    for it: where the sweep has already set its slack free, it has ended and is not restored. Nor is
    a forfeited one, whatever the policy. Any other reversed fiscal money lapses. A part refund
    leaves the voucher used.
    """
    if not step.is_whole:
        return Fate(VoucherState.REDEEMED, voucher.slack_fen, step.parts.fiscal_fen)
    reserve_is_whole = voucher.slack_fen + redeemed_fiscal_fen == voucher.reserve_fen
    if now < voucher.valid_until and reserve_is_whole:
        if policies.whole_valid is WholeValidPolicy.RESTORE and not voucher.is_forfeited:
            return Fate(VoucherState.ISSUED, 0, 0)
        state = VoucherState.VOIDED
    elif policies.whole_expired is WholeExpiredPolicy.LAPSE:
        state = VoucherState.EXPIRED
    else:
        state = VoucherState.VOIDED
    return Fate(state, 0, step.parts.fiscal_fen + voucher.slack_fen)

"""What a campaign says about refunds: the policies as data; `refunds` applies them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WholeValidPolicy(StrEnum):
    """What becomes of a voucher that is still valid when its whole order is refunded."""

    RESTORE = "RESTORE"
    """It can be used again, its validity unchanged."""

    VOID = "VOID"
    """It cannot; its money returns to the pool."""


class WholeExpiredPolicy(StrEnum):
    """What becomes of a voucher that has expired when its whole order is refunded."""

    LAPSE = "LAPSE"
    """Its money goes to the round's lapsed pot."""

    VOID = "VOID"
    """Its money returns to the pool."""


class PartPolicy(StrEnum):
    """Whose money a part refund reverses first; the voucher stays used in every case."""

    PRO_RATA = "PRO_RATA"
    """The voucher's and the consumer's, in proportion."""

    RECLAIM_ALL = "RECLAIM_ALL"
    """The voucher's, until all of it is back; then the consumer's."""

    KEEP = "KEEP"
    """The consumer's, until all of it is back; then the voucher's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPolicies:
    """A campaign's choice for each of the three situations."""

    whole_valid: WholeValidPolicy
    whole_expired: WholeExpiredPolicy
    part: PartPolicy

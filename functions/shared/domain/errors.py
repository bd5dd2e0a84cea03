"""Every refusal that a caller can meet, as one tree and one list of codes.

    HuiminError            a refusal with a stable code and the facts that explain it
    └── Busy               contention or throttling outlasted the retries; nothing is known to
                           have changed and the same request may be sent again

A code says what happened; `shared.edge.problems` maps it to a status, to wording in two languages
and to what the caller can do. Programming mistakes are not in the tree: they stay the standard
exceptions and surface as INTERNAL.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Stable codes of the API; a code is never renamed or given a second meaning."""

    # The request itself
    MALFORMED_BODY = "MALFORMED_BODY"
    INVALID_FIELDS = "INVALID_FIELDS"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    ROUTE_NOT_FOUND = "ROUTE_NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"

    # Who calls, and what is theirs
    NOT_SIGNED = "NOT_SIGNED"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURE_EXPIRED = "SIGNATURE_EXPIRED"
    NOT_ALLOWED = "NOT_ALLOWED"
    SAME_PERSON = "SAME_PERSON"
    NOT_FOUND = "NOT_FOUND"

    # Numbers and versions
    KEY_REUSED = "KEY_REUSED"
    VERSION_REQUIRED = "VERSION_REQUIRED"
    VERSION_MISMATCH = "VERSION_MISMATCH"

    # Campaigns
    CAMPAIGN_INVALID = "CAMPAIGN_INVALID"
    CAMPAIGN_STATE = "CAMPAIGN_STATE"
    CAMPAIGN_NOT_RUNNING = "CAMPAIGN_NOT_RUNNING"
    CAMPAIGN_PAUSED = "CAMPAIGN_PAUSED"
    ROUND_NOT_OPEN = "ROUND_NOT_OPEN"
    ROUND_CLOSED = "ROUND_CLOSED"
    STOCK_CHANGED = "STOCK_CHANGED"
    STOCK_INSUFFICIENT = "STOCK_INSUFFICIENT"
    FUNDS_INSUFFICIENT = "FUNDS_INSUFFICIENT"
    GRANT_STATE = "GRANT_STATE"
    GRANT_CHANGED = "GRANT_CHANGED"
    ROLE_TAKEN = "ROLE_TAKEN"
    MERCHANT_DATED = "MERCHANT_DATED"

    # Claims
    SOLD_OUT = "SOLD_OUT"
    PERSON_LIMIT_REACHED = "PERSON_LIMIT_REACHED"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    NOT_DISTRIBUTED_SO = "NOT_DISTRIBUTED_SO"

    # Vouchers, orders, refunds
    VOUCHER_EXPIRED = "VOUCHER_EXPIRED"
    VOUCHER_NOT_YET_VALID = "VOUCHER_NOT_YET_VALID"
    VOUCHER_NOT_AT_THIS_TIME = "VOUCHER_NOT_AT_THIS_TIME"
    VOUCHER_HELD = "VOUCHER_HELD"
    VOUCHER_NOT_HELD = "VOUCHER_NOT_HELD"
    HOLDS_EXHAUSTED = "HOLDS_EXHAUSTED"
    VOUCHER_NOT_REDEEMABLE = "VOUCHER_NOT_REDEEMABLE"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    STACKING_NOT_ALLOWED = "STACKING_NOT_ALLOWED"
    ORDER_AMOUNTS_INVALID = "ORDER_AMOUNTS_INVALID"
    ORDER_ALREADY_USED = "ORDER_ALREADY_USED"
    MERCHANT_NOT_IN_CAMPAIGN = "MERCHANT_NOT_IN_CAMPAIGN"
    REFUND_EXCEEDS_REDEMPTION = "REFUND_EXCEEDS_REDEMPTION"
    CAMPAIGN_CLOSING = "CAMPAIGN_CLOSING"
    REFUND_WINDOW_CLOSED = "REFUND_WINDOW_CLOSED"
    EARNED_BY_REDEMPTION = "EARNED_BY_REDEMPTION"

    # Reconciliation
    BREAK_STATE = "BREAK_STATE"
    BREAK_NOT_ADJUSTABLE = "BREAK_NOT_ADJUSTABLE"
    PAYMENT_STATE = "PAYMENT_STATE"
    PAYMENT_MISMATCH = "PAYMENT_MISMATCH"
    STATEMENT_MISMATCH = "STATEMENT_MISMATCH"
    PAYOUT_NOT_DUE = "PAYOUT_NOT_DUE"
    CONTRACT_MISSING = "CONTRACT_MISSING"

    # The service
    BUSY = "BUSY"
    THROTTLED = "THROTTLED"
    INTERNAL = "INTERNAL"


class HuiminError(Exception):
    """A refusal: a stable code and the facts that explain it.

    Args:
        code: what happened.
        context: facts for the answer and the log; never an identity number, phone or key.

    """

    def __init__(self, code: Code, **context: object) -> None:
        super().__init__(code, context)
        self.code = code
        self.context = context

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.context.items())
        return f"{self.code}({facts})"


class Busy(HuiminError):
    """Contention or throttling outlasted the retries; the same request may be sent again."""

    def __init__(self, **context: object) -> None:
        super().__init__(Code.BUSY, **context)

"""The one table of routes: API Gateway, the local gateway, the dispatcher and OpenAPI read it.

A route names the function that answers it, who may call it and how large its body may be. What
the operation takes and gives is declared beside its use case, in that function's handler.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who calls. A platform is found through the registry; the others are bureau roles."""

    PLATFORM = "platform"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"


BUREAU = frozenset({Role.OPERATOR, Role.APPROVER, Role.AUDITOR})
KIB = 1024


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Args:
        operation_id: the operation's name in OpenAPI and in the dispatcher, snake_case.
        method: the HTTP method.
        path: the resource as API Gateway writes it, with `{parameters}`.
        function: the folder under `functions/` that answers.
        roles: who may call.
        body_limit: the largest body, in bytes; 0 where the route takes none.

    """

    operation_id: str
    method: str
    path: str
    function: str
    roles: frozenset[Role]
    body_limit: int = 0


def _platform(op: str, method: str, path: str, function: str, body_limit: int = 0) -> Route:
    return Route(op, method, path, function, frozenset({Role.PLATFORM}), body_limit)


_ADMIN = "/v1/admin"
_CAMPAIGN = f"{_ADMIN}/campaigns/{{campaign_id}}"
_ONE_CHANGE = f"{_CAMPAIGN}/stock-changes/{{change_id}}"
_ONE_GRANT = f"{_CAMPAIGN}/grants/{{grant_id}}"
_ONE_VOUCHER = f"{_ADMIN}/vouchers/{{voucher_id}}"
_ONE_PLATFORM = f"{_ADMIN}/platforms/{{platform_id}}"
_ONE_MERCHANT = f"{_ADMIN}/merchants/{{merchant_id}}"
_ONE_BREAK = f"{_ADMIN}/breaks/{{platform_id}}/{{business_on}}/{{break_id}}"
_RESOLUTION = f"{_ONE_BREAK}/resolution"
_ONE_RETURN = f"{_CAMPAIGN}/returns/{{run}}"
_SETTLEMENTS = f"{_CAMPAIGN}/settlements/{{platform_id}}"
_ONE_PAYOUT = f"{_SETTLEMENTS}/payouts/{{number}}"
_MAKE = frozenset({Role.OPERATOR})
_APPROVE = frozenset({Role.APPROVER})
_EITHER = frozenset({Role.OPERATOR, Role.APPROVER})


def _paying(what: str, path: str) -> tuple[Route, ...]:
    """How two persons pay what lies at the path."""
    payment = f"{path}/payment"
    return tuple(
        Route(operation_id, "POST", payment + step, "finance", roles, 16 * KIB)
        for operation_id, step, roles in (
            (f"propose_{what}_payment", "", _MAKE),
            (f"approve_{what}_payment", "/approve", _APPROVE),
            (f"withdraw_{what}_payment", "/withdraw", _MAKE),
            (f"enter_{what}_bank_reply", "/reply", _MAKE),
        )
    )


ROUTES: tuple[Route, ...] = (
    # Platform plane
    _platform("list_campaigns", "GET", "/v1/campaigns", "campaign"),
    _platform("get_campaign", "GET", "/v1/campaigns/{campaign_id}", "campaign"),
    _platform("claim_voucher", "POST", "/v1/claims", "issue", 16 * KIB),
    _platform("get_voucher", "GET", "/v1/vouchers/{voucher_id}", "redeem"),
    _platform("search_vouchers", "POST", "/v1/vouchers/search", "redeem", 16 * KIB),
    _platform("hold_voucher", "POST", "/v1/vouchers/{voucher_id}/hold", "redeem", 16 * KIB),
    _platform("release_voucher", "POST", "/v1/vouchers/{voucher_id}/release", "redeem", 16 * KIB),
    _platform("redeem_voucher", "POST", "/v1/redemptions", "redeem", 16 * KIB),
    _platform("get_redemption", "GET", "/v1/redemptions/{redemption_id}", "redeem"),
    _platform(
        "refund_redemption", "POST", "/v1/redemptions/{redemption_id}/refunds", "redeem", 16 * KIB
    ),
    _platform("upload_bill", "POST", "/v1/bills", "files", 16 * KIB),
    _platform("list_files", "GET", "/v1/files", "files"),
    _platform("list_settlements", "GET", "/v1/settlements/{campaign_id}", "finance"),
    _platform(
        "confirm_settlement",
        "POST",
        "/v1/settlements/{campaign_id}/{business_on}/confirm",
        "finance",
        16 * KIB,
    ),
    _platform("earn_voucher", "POST", "/v1/earnings", "earn", 16 * KIB),
    _platform("get_earning", "GET", "/v1/earnings/{voucher_id}", "earn"),
    _platform("refund_earning", "POST", "/v1/earnings/{voucher_id}/refunds", "earn", 16 * KIB),
    # Bureau plane
    Route("put_campaign", "PUT", _CAMPAIGN, "campaign", _MAKE, 256 * KIB),
    Route("get_campaign_admin", "GET", _CAMPAIGN, "campaign", BUREAU),
    Route("approve_campaign", "POST", f"{_CAMPAIGN}/approve", "campaign", _APPROVE, 16 * KIB),
    Route("pause_campaign", "POST", f"{_CAMPAIGN}/pause", "campaign", _EITHER, 16 * KIB),
    Route("resume_campaign", "POST", f"{_CAMPAIGN}/resume", "campaign", _EITHER, 16 * KIB),
    Route("list_pools", "GET", f"{_CAMPAIGN}/pools", "campaign", BUREAU),
    Route("list_stock_changes", "GET", f"{_CAMPAIGN}/stock-changes", "campaign", BUREAU),
    Route("put_stock_change", "PUT", _ONE_CHANGE, "campaign", _MAKE, 16 * KIB),
    Route("get_stock_change", "GET", _ONE_CHANGE, "campaign", BUREAU),
    Route("approve_stock_change", "POST", f"{_ONE_CHANGE}/approve", "campaign", _APPROVE, 16 * KIB),
    Route("list_grants", "GET", f"{_CAMPAIGN}/grants", "grant", BUREAU),
    Route("put_grant", "PUT", _ONE_GRANT, "grant", _MAKE, 16 * KIB),
    Route("get_grant", "GET", _ONE_GRANT, "grant", BUREAU),
    Route("add_grant_persons", "POST", f"{_ONE_GRANT}/persons", "grant", _MAKE, 64 * KIB),
    Route("approve_grant", "POST", f"{_ONE_GRANT}/approve", "grant", _APPROVE, 16 * KIB),
    Route("run_grant", "POST", f"{_ONE_GRANT}/run", "grant", _EITHER, 16 * KIB),
    Route("list_grant_rows", "GET", f"{_ONE_GRANT}/rows", "grant", BUREAU),
    Route("get_voucher_admin", "GET", _ONE_VOUCHER, "campaign", BUREAU),
    Route("void_voucher", "POST", f"{_ONE_VOUCHER}/void", "campaign", _EITHER, 16 * KIB),
    Route("list_breaks", "GET", f"{_ADMIN}/breaks", "finance", BUREAU),
    Route("get_break", "GET", _ONE_BREAK, "finance", BUREAU),
    Route("put_break_resolution", "PUT", _RESOLUTION, "finance", _MAKE, 16 * KIB),
    Route(
        "approve_break_resolution",
        "POST",
        f"{_RESOLUTION}/approve",
        "finance",
        _APPROVE,
        16 * KIB,
    ),
    Route("list_fund_returns", "GET", f"{_CAMPAIGN}/returns", "finance", BUREAU),
    Route("get_fund_return", "GET", _ONE_RETURN, "finance", BUREAU),
    *_paying("return", _ONE_RETURN),
    Route("get_settlement_account", "GET", _SETTLEMENTS, "finance", BUREAU),
    Route("draw_payout", "POST", f"{_SETTLEMENTS}/payouts", "finance", _MAKE, 16 * KIB),
    Route("get_payout", "GET", _ONE_PAYOUT, "finance", BUREAU),
    *_paying("payout", _ONE_PAYOUT),
    Route("put_platform", "PUT", _ONE_PLATFORM, "campaign", _MAKE, 16 * KIB),
    Route("get_platform", "GET", _ONE_PLATFORM, "campaign", BUREAU),
    Route("put_merchant", "PUT", _ONE_MERCHANT, "campaign", _MAKE, 16 * KIB),
    Route("get_merchant", "GET", _ONE_MERCHANT, "campaign", BUREAU),
)

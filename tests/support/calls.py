"""The calls that the bureau and the platforms make, each with a body that is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.people import make_credit_code, make_person
from tests.support.campaigns import CAMPAIGN_ID, EARNING_ID, REDUCTION, ROUND_1, UNIONPAY
from tests.support.deployment import Deployment
from tests.support.events import Reply, role_arn, session_arn

OPERATOR = session_arn("huimin-operator", "li.na")
APPROVER = session_arn("huimin-approver", "wang.wei")
AUDITOR = session_arn("huimin-auditor", "zhao.min")
NEW = {"If-None-Match": "*"}


def version(number: int) -> dict[str, str]:
    """The header that names the version a change was made from."""
    return {"If-Match": f'"{number}"'}


def platform_arn(platform_id: str) -> str:
    """The session that a platform signs with."""
    return session_arn(f"huimin-platform-{platform_id}")


class Bureau:
    """What the bureau does.

    Args:
        deployment: whom it calls.
        language: in which it reads.

    """

    def __init__(self, deployment: Deployment, language: str = "zh-CN") -> None:
        self._deployment = deployment
        self._language = {"Accept-Language": language}

    def call(
        self,
        caller: str,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Any request of a person of the bureau."""
        sent = {**self._language, **(headers or {})}
        return self._deployment.call(caller, method, path, body, headers=sent)

    def put_campaign(
        self,
        document: Mapping[str, Any],
        *,
        caller: str = OPERATOR,
        headers: Mapping[str, str] = NEW,
    ) -> Reply:
        """Makes a draft."""
        path = f"/v1/admin/campaigns/{document['campaign_id']}"
        return self.call(caller, "PUT", path, document, headers=headers)

    def get_campaign(self, campaign_id: str = CAMPAIGN_ID, *, caller: str = OPERATOR) -> Reply:
        """Reads a campaign."""
        return self.call(caller, "GET", f"/v1/admin/campaigns/{campaign_id}")

    def approve(
        self,
        campaign_id: str = CAMPAIGN_ID,
        *,
        caller: str = APPROVER,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Approves version 1, or the one that the headers name."""
        path = f"/v1/admin/campaigns/{campaign_id}/approve"
        return self.call(caller, "POST", path, headers=headers or version(1))

    def pause(self, campaign_id: str = CAMPAIGN_ID, *, caller: str = OPERATOR) -> Reply:
        """Pauses a campaign."""
        path = f"/v1/admin/campaigns/{campaign_id}/pause"
        return self.call(caller, "POST", path, {"reason": "系统巡检"})

    def resume(self, campaign_id: str = CAMPAIGN_ID, *, caller: str = APPROVER) -> Reply:
        """Resumes a campaign."""
        path = f"/v1/admin/campaigns/{campaign_id}/resume"
        return self.call(caller, "POST", path, {"reason": "巡检完毕"})

    def put_platform(
        self, platform_id: str, *, headers: Mapping[str, str] = NEW, **changes: object
    ) -> Reply:
        """Registers a platform."""
        body = {
            "name": f"{platform_id} 平台",
            "role_arn": role_arn(f"huimin-platform-{platform_id}"),
            "active": True,
        }
        path = f"/v1/admin/platforms/{platform_id}"
        return self.call(OPERATOR, "PUT", path, body | changes, headers=headers)

    def put_merchant(self, merchant_id: str, **changes: object) -> Reply:
        """Registers a merchant's facts."""
        body = {
            "effective_on": "2026-01-01",
            "name": "示例餐厅",
            "credit_code": make_credit_code(1),
            "industry": "dining",
            "size_class": "MICRO",
            "district": "110107",
            "active": True,
        }
        path = f"/v1/admin/merchants/{merchant_id}"
        return self.call(OPERATOR, "PUT", path, body | changes)

    def open(self, document: Mapping[str, Any]) -> None:
        """Makes a campaign and has another person approve it."""
        assert self.put_campaign(document).status == 201
        assert self.approve(document["campaign_id"]).status == 200


def claim_body(person: int = 0, request_no: str = "q-1", /, **changes: object) -> dict[str, Any]:
    """A claim of the reduction in round 1."""
    body = {
        "request_no": request_no,
        "campaign_id": CAMPAIGN_ID,
        "round_id": ROUND_1,
        "voucher_type_id": REDUCTION,
        "person": {"identity_number": make_person(person).identity_number},
        "real_name": True,
        "located_in": "110107",
    }
    return body | changes


def redemption_body(voucher_id: str, order_no: str = "o-1", /, **changes: object) -> dict[str, Any]:
    """A redemption for an order of 80 yuan."""
    body = {
        "order_no": order_no,
        "voucher_id": voucher_id,
        "merchant_id": "noodles",
        "order_fen": 8_000,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 0,
    }
    return body | changes


def earning_body(person: int = 0, order_no: str = "p-1", /, **changes: object) -> dict[str, Any]:
    """An order of 80 yuan that earns the reduction in round 1 of `earning_document`."""
    body = {
        "order_no": order_no,
        "campaign_id": EARNING_ID,
        "round_id": ROUND_1,
        "voucher_type_id": REDUCTION,
        "merchant_id": "noodles",
        "order_fen": 8_000,
        "merchant_discount_fen": 0,
        "platform_discount_fen": 0,
        "person": {"identity_number": make_person(person).identity_number},
        "real_name": True,
        "located_in": "110107",
    }
    return body | changes


class Platform:
    """What a platform does.

    Args:
        deployment: whom it calls.
        platform_id: as registered.
        language: in which it reads.

    """

    def __init__(
        self, deployment: Deployment, platform_id: str = UNIONPAY, language: str = "zh-CN"
    ) -> None:
        self._deployment = deployment
        self._caller = platform_arn(platform_id)
        self._language = {"Accept-Language": language}

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Any request of the platform."""
        sent = {**self._language, **(headers or {})}
        return self._deployment.call(self._caller, method, path, body, headers=sent)

    def claim(self, person: int = 0, request_no: str = "q-1", /, **changes: object) -> Reply:
        """Claims a voucher."""
        return self.call("POST", "/v1/claims", claim_body(person, request_no, **changes))

    def claimed(self, person: int = 0, request_no: str = "q-1", /, **changes: object) -> str:
        """The id of a voucher claimed now."""
        reply = self.claim(person, request_no, **changes)
        assert reply.status == 201, reply.text
        voucher_id: str = reply.body["voucher_id"]
        return voucher_id

    def voucher(self, voucher_id: str) -> Reply:
        """Reads a voucher."""
        return self.call("GET", f"/v1/vouchers/{voucher_id}")

    def search(self, person: int = 0, /, **changes: object) -> Reply:
        """A person's vouchers."""
        body = {
            "campaign_id": CAMPAIGN_ID,
            "person": {"identity_number": make_person(person).identity_number},
        }
        return self.call("POST", "/v1/vouchers/search", body | changes)

    def hold(self, voucher_id: str, order_no: str = "o-1") -> Reply:
        """Holds a voucher for an order."""
        return self.call("POST", f"/v1/vouchers/{voucher_id}/hold", {"order_no": order_no})

    def release(self, voucher_id: str, order_no: str = "o-1") -> Reply:
        """Gives a voucher back."""
        return self.call("POST", f"/v1/vouchers/{voucher_id}/release", {"order_no": order_no})

    def redeem(self, voucher_id: str, order_no: str = "o-1", /, **changes: object) -> Reply:
        """Redeems a voucher for an order."""
        return self.call(
            "POST", "/v1/redemptions", redemption_body(voucher_id, order_no, **changes)
        )

    def redeemed(self, voucher_id: str, order_no: str = "o-1", /, **changes: object) -> str:
        """The id of a redemption made now."""
        reply = self.redeem(voucher_id, order_no, **changes)
        assert reply.status == 201, reply.text
        redemption_id: str = reply.body["redemption_id"]
        return redemption_id

    def redemption(self, redemption_id: str) -> Reply:
        """Reads a redemption."""
        return self.call("GET", f"/v1/redemptions/{redemption_id}")

    def earn(self, person: int = 0, order_no: str = "p-1", /, **changes: object) -> Reply:
        """An order earns a voucher."""
        return self.call("POST", "/v1/earnings", earning_body(person, order_no, **changes))

    def earned(self, person: int = 0, order_no: str = "p-1", /, **changes: object) -> str:
        """The id of a voucher earned now."""
        reply = self.earn(person, order_no, **changes)
        assert reply.status == 201, reply.text
        voucher_id: str = reply.body["voucher_id"]
        return voucher_id

    def earning(self, voucher_id: str) -> Reply:
        """Reads what earned a voucher."""
        return self.call("GET", f"/v1/earnings/{voucher_id}")

    def refund_order(self, voucher_id: str, refund_fen: int, refund_no: str = "f-1") -> Reply:
        """Refunds a part or the whole of the plain order that earned the voucher."""
        return self.call(
            "POST",
            f"/v1/earnings/{voucher_id}/refunds",
            {"refund_no": refund_no, "refund_fen": refund_fen},
        )

    def refund(self, redemption_id: str, refund_fen: int, refund_no: str = "f-1") -> Reply:
        """Refunds a part or the whole."""
        return self.call(
            "POST",
            f"/v1/redemptions/{redemption_id}/refunds",
            {"refund_no": refund_no, "refund_fen": refund_fen},
        )

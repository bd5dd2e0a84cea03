"""The bureau's side of the demonstration: an operator makes, an approver approves."""

from __future__ import annotations

from datetime import date
from typing import Any

from infra.local.client import Response, Sender
from infra.local.people import make_credit_code

DINING = "dining"
RETAIL = "retail"
SIZE_CLASSES = ("LARGE", "MEDIUM", "SMALL", "MICRO", "SELF_EMPLOYED")
_BREAKS = "/v1/admin/breaks"


class Bureau:
    """What the bureau does by its two roles.

    Args:
        operator: makes campaigns, platforms and merchants.
        approver: another person, who approves.

    """

    def __init__(self, operator: Sender, approver: Sender) -> None:
        self.operator = operator
        self.approver = approver

    def make_campaign(self, document: dict[str, Any]) -> Response:
        """Puts the document as a new draft."""
        return self.operator.request(
            "PUT", self._path(document), json=document, headers={"If-None-Match": "*"}
        )

    def approve(self, document: dict[str, Any], *, version: int, by: Sender) -> Response:
        """Approves a version of the draft."""
        return by.request(
            "POST", f"{self._path(document)}/approve", headers={"If-Match": f'"{version}"'}
        )

    def campaign(self, document: dict[str, Any]) -> Response:
        """The campaign as it stands."""
        return self.operator.request("GET", self._path(document))

    def register_platform(self, platform_id: str, name: str, role_arn: str) -> Response:
        """Registers a platform and its role."""
        return self.operator.request(
            "PUT",
            f"/v1/admin/platforms/{platform_id}",
            json={"name": name, "role_arn": role_arn, "active": True},
            headers={"If-None-Match": "*"},
        )

    def register_merchant(self, index: int, industry: str, *, effective_on: date) -> Response:
        """Registers a made-up merchant of that industry; its id is `industry-index`."""
        return self.operator.request(
            "PUT",
            f"/v1/admin/merchants/{industry}-{index}",
            json={
                "effective_on": effective_on.isoformat(),
                "name": f"示例{'餐厅' if industry == DINING else '商店'}{index:02d}",
                "credit_code": make_credit_code(index + (0 if industry == DINING else 1_000)),
                "industry": industry,
                "size_class": SIZE_CLASSES[index % len(SIZE_CLASSES)],
                "district": "110107",
                "active": True,
            },
        )

    def breaks(self, platform_id: str) -> Response:
        """A platform's breaks that somebody must still end."""
        return self.operator.request("GET", f"{_BREAKS}?platform_id={platform_id}")

    def resolve(self, found: dict[str, Any], *, version: int, said: dict[str, str]) -> Response:
        """Proposes how to end a break."""
        return self.operator.request(
            "PUT", _resolution(found), json=said, headers={"If-Match": f'"{version}"'}
        )

    def approve_resolution(self, found: dict[str, Any], *, version: int, by: Sender) -> Response:
        """Approves the proposal."""
        return by.request(
            "POST", f"{_resolution(found)}/approve", headers={"If-Match": f'"{version}"'}
        )

    def fund_return(self, document: dict[str, Any], run: int = 1) -> Response:
        """One of the campaign's fund returns."""
        return self.operator.request("GET", f"{self._path(document)}/returns/{run}")

    def settlements(self, document: dict[str, Any], platform_id: str) -> Response:
        """A platform's settlements in the campaign, and its payouts."""
        return self.operator.request("GET", f"{self._path(document)}/settlements/{platform_id}")

    def draw_payout(self, document: dict[str, Any], platform_id: str, version: int) -> Response:
        """Nets what is due to the platform."""
        path = f"{self._path(document)}/settlements/{platform_id}/payouts"
        return self.operator.request("POST", path, headers={"If-Match": f'"{version}"'})

    def pay(
        self,
        document: dict[str, Any],
        step: str,
        *,
        version: int,
        by: Sender,
        told: dict[str, Any] | None = None,
        of: str = "returns/1",
    ) -> Response:
        """A step of a payment: `/approve`, `/reply`, or nothing to propose it."""
        path = f"{self._path(document)}/{of}/payment{step}"
        return by.request("POST", path, json=told, headers={"If-Match": f'"{version}"'})

    @staticmethod
    def _path(document: dict[str, Any]) -> str:
        return f"/v1/admin/campaigns/{document['campaign_id']}"


def _resolution(found: dict[str, Any]) -> str:
    place = (found["platform_id"], found["business_on"], found["break_id"])
    return f"{_BREAKS}/{'/'.join(place)}/resolution"

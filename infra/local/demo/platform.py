"""A platform's side of the demonstration: it calls the API and keeps books of its own.

Its bills come from what the API answered it, never from Huimin's tables, so that matching the two
proves something.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from infra.local.bills import BillRow
from infra.local.client import Response, Sender
from infra.local.people import MadeUpPerson

CREATED = 201


@dataclass
class Platform:
    """A platform and its books: bill rows by business date.

    Args:
        platform_id: as registered.
        client: signs with the platform's key.
        campaign_id: the campaign it takes part in.

    """

    platform_id: str
    client: Sender
    campaign_id: str
    books: dict[date, list[BillRow]] = field(default_factory=lambda: defaultdict(list))

    def claim(
        self,
        person: MadeUpPerson,
        /,
        request_no: str,
        round_id: str,
        voucher_type_id: str,
        **overrides: object,
    ) -> Response:
        """Claims a voucher for a person."""
        body: dict[str, Any] = {
            "request_no": request_no,
            "campaign_id": self.campaign_id,
            "round_id": round_id,
            "voucher_type_id": voucher_type_id,
            "person": {"identity_number": person.identity_number},
            "real_name": True,
            "located_in": "110107",
        }
        return self.client.request("POST", "/v1/claims", json=body | overrides)

    def search(self, person: MadeUpPerson, limit: int = 20) -> Response:
        """The person's vouchers."""
        return self.client.request(
            "POST",
            "/v1/vouchers/search",
            json={
                "campaign_id": self.campaign_id,
                "person": {"identity_number": person.identity_number},
                "limit": limit,
            },
        )

    def voucher(self, voucher_id: str) -> Response:
        """A voucher's state and timeline."""
        return self.client.request("GET", f"/v1/vouchers/{voucher_id}")

    def settlements(self) -> Response:
        """The platform's settlements, and its payouts."""
        return self.client.request("GET", f"/v1/settlements/{self.campaign_id}")

    def confirm(self, settlement: dict[str, Any]) -> Response:
        """Confirms a settlement that it has read."""
        return self.client.request(
            "POST",
            f"/v1/settlements/{self.campaign_id}/{settlement['business_on']}/confirm",
            json={
                name: settlement[name] for name in ("statement_id", "payable_fen", "payable_side")
            },
        )

    def hold(self, voucher_id: str, order_no: str) -> Response:
        """Holds a voucher for an order."""
        return self.client.request(
            "POST", f"/v1/vouchers/{voucher_id}/hold", json={"order_no": order_no}
        )

    def release(self, voucher_id: str, order_no: str) -> Response:
        """Gives a held voucher back."""
        return self.client.request(
            "POST", f"/v1/vouchers/{voucher_id}/release", json={"order_no": order_no}
        )

    def redeem(
        self,
        voucher_id: str,
        order_no: str,
        order_fen: int,
        merchant_id: str,
        *,
        merchant_discount_fen: int = 0,
        platform_discount_fen: int = 0,
    ) -> Response:
        """Redeems a voucher, and books what the answer says."""
        response = self.client.request(
            "POST",
            "/v1/redemptions",
            json={
                "order_no": order_no,
                "voucher_id": voucher_id,
                "merchant_id": merchant_id,
                "order_fen": order_fen,
                "merchant_discount_fen": merchant_discount_fen,
                "platform_discount_fen": platform_discount_fen,
            },
        )
        if response.status == CREATED:
            self._book_redemption(response.json)
        return response

    def refund(self, redemption: dict[str, Any], refund_no: str, refund_fen: int) -> Response:
        """Refunds a redemption, and books what the answer says."""
        response = self.client.request(
            "POST",
            f"/v1/redemptions/{redemption['redemption_id']}/refunds",
            json={"refund_no": refund_no, "refund_fen": refund_fen},
        )
        if response.status == CREATED:
            self._book_refund(response.json, redemption)
        return response

    def _book_redemption(self, answer: dict[str, Any]) -> None:
        self.books[date.fromisoformat(answer["business_on"])].append(
            BillRow(
                platform_order_no=answer["order_no"],
                entry_type="REDEEM",
                refund_no="",
                voucher_id=answer["voucher_id"],
                merchant_id=answer["merchant_id"],
                occurred_at=answer["redeemed_at"],
                order_fen=answer["order_fen"],
                merchant_discount_fen=answer["merchant_discount_fen"],
                platform_discount_fen=answer["platform_discount_fen"],
                voucher_fen=answer["voucher_fen"],
                paid_fen=answer["paid_fen"],
            )
        )

    def _book_refund(self, answer: dict[str, Any], redemption: dict[str, Any]) -> None:
        self.books[date.fromisoformat(answer["business_on"])].append(
            BillRow(
                platform_order_no=redemption["order_no"],
                entry_type="REFUND",
                refund_no=answer["refund_no"],
                voucher_id=redemption["voucher_id"],
                merchant_id=redemption["merchant_id"],
                occurred_at=answer["refunded_at"],
                order_fen=answer["refund_fen"]
                + answer["merchant_discount_fen"]
                + answer["platform_discount_fen"],
                merchant_discount_fen=answer["merchant_discount_fen"],
                platform_discount_fen=answer["platform_discount_fen"],
                voucher_fen=answer["voucher_fen"],
                paid_fen=answer["paid_fen"],
            )
        )

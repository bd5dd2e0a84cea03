"""A campaign document of the rulebook, opened and played through the API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from functions.shared.domain.grants import PARTS
from functions.shared.edge import telemetry
from infra.local.people import make_person
from tests.support.books import require_books_close
from tests.support.calls import APPROVER, OPERATOR, Bureau, Platform
from tests.support.deployment import Deployment, deployed
from tests.support.events import Reply

FOLDER = Path(__file__).resolve().parents[2] / "campaigns"
YUAN = 100


def document(name: str) -> dict[str, Any]:
    """The document of that name."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


class Stage:
    """The campaign, its platforms and two merchants; the first round has just opened.

    Args:
        deployment: runs it.
        plain: the document.

    """

    def __init__(self, deployment: Deployment, plain: Mapping[str, Any]) -> None:
        self.deployment = deployment
        self.clock = deployment.clock
        self.campaign_id = plain["campaign_id"]
        self.platform_ids = sorted(
            {each["platform_id"] for r in plain["rounds"] for each in r["stock"]}
        )
        self.platforms = {name: Platform(deployment, name) for name in self.platform_ids}
        self.bureau = Bureau(deployment)
        self._orders = 0

    def claim(
        self,
        type_id: str,
        *,
        person: int = 0,
        platform_id: str = "",
        round_id: str,
        located_in: str | None = None,
    ) -> Reply:
        """A claim; its number is of the person, the type and the round."""
        made = make_person(person)
        platform_id = platform_id or self.platform_ids[0]
        return self.platforms[platform_id].claim(
            person,
            f"{person}-{type_id}-{round_id}",
            campaign_id=self.campaign_id,
            round_id=round_id,
            voucher_type_id=type_id,
            person=identities(made),
            located_in=located_in,
        )

    def grant(
        self, type_id: str, persons: list[int], *, round_id: str, platform_id: str = ""
    ) -> dict[int, str]:
        """Grants persons a voucher each; ids by person, of those who got one."""
        name = f"g-{type_id}-{round_id}-{platform_id}-{min(persons)}"[:40].rstrip("-")
        base = f"/v1/admin/campaigns/{self.campaign_id}/grants/{name}"
        pool = {
            "round_id": round_id,
            "voucher_type_id": type_id,
            "platform_id": platform_id or self.platform_ids[0],
        }
        self._ok(self.bureau.call(OPERATOR, "PUT", base, pool | {"reason": "摇号中签"}), 201)
        people = {"persons": [identities(make_person(person)) for person in persons]}
        listed = self._ok(self.bureau.call(OPERATOR, "POST", f"{base}/persons", people))
        rows = {"rows": len(persons)}
        self._ok(self.bureau.call(APPROVER, "POST", f"{base}/approve", rows))
        states: dict[str, str] = {}
        for part in range(PARTS):
            self._ok(self.bureau.call(OPERATOR, "POST", f"{base}/run", {"part": part}))
            page = self._ok(self.bureau.call(OPERATOR, "GET", f"{base}/rows?part={part}&limit=100"))
            states |= {row["voucher_id"]: row["state"] for row in page["rows"]}
        names = [each["voucher_id"] for each in listed["persons"]]
        return {
            person: name
            for person, name in zip(persons, names, strict=True)
            if states[name] == "GRANTED"
        }

    def redeem(
        self,
        voucher_id: str,
        order_yuan: int,
        *,
        platform_id: str = "",
        merchant_id: str = "shop-1",
        **discounts_yuan: int,
    ) -> Reply:
        """A new order with the voucher."""
        self._orders += 1
        amounts = {name: yuan * YUAN for name, yuan in discounts_yuan.items()}
        return self.platforms[platform_id or self.platform_ids[0]].redeem(
            voucher_id,
            f"order-{self._orders}",
            order_fen=order_yuan * YUAN,
            merchant_id=merchant_id,
            **amounts,
        )

    def refund(self, redemption_id: str, yuan: int, number: str = "f-1") -> Reply:
        """A refund of so much of the order."""
        platform = self.platforms[self.platform_ids[0]]
        return platform.refund(redemption_id, yuan * YUAN, number)

    def state(self, voucher_id: str) -> str:
        """What the voucher is now."""
        reply = self.platforms[self.platform_ids[0]].voucher(voucher_id)
        state: str = reply.body["state"]
        return state

    def used(
        self, type_id: str, round_id: str, order_yuan: int, person: int = 0
    ) -> tuple[str, str]:
        """A voucher claimed and redeemed; its id and the redemption's."""
        voucher_id = self._ok(self.claim(type_id, person=person, round_id=round_id), 201)[
            "voucher_id"
        ]
        redemption = self._ok(self.redeem(voucher_id, order_yuan), 201)
        return voucher_id, redemption["redemption_id"]

    @staticmethod
    def _ok(reply: Reply, status: int = 200) -> dict[str, Any]:
        assert reply.status == status, reply.text
        body: dict[str, Any] = reply.body
        return body


def identities(person: Any) -> dict[str, str]:  # noqa: ANN401 - a made-up person
    """All that a campaign may tell persons apart by."""
    return {
        "identity_number": person.identity_number,
        "phone": person.phone,
        "account": person.account,
    }


@contextmanager
def opened(plain: dict[str, Any]) -> Iterator[Stage]:
    """The campaign approved a day before its first round, which has just opened.

    `shop-1` and `shop-2` are of the campaign's first industry, `books` is of none of them.
    """
    opens_at = datetime.fromisoformat(plain["rounds"][0]["opens_at"])
    telemetry.silence()
    with deployed((opens_at - timedelta(days=1)).isoformat()) as deployment:
        stage = Stage(deployment, plain)
        for platform_id in stage.platform_ids:
            assert stage.bureau.put_platform(platform_id).status == 201
        industry = plain["scope"]["industries"][0]
        for merchant_id, of in (("shop-1", industry), ("shop-2", industry), ("books", "books")):
            facts = {"effective_on": "2020-01-01", "industry": of}
            assert stage.bureau.put_merchant(merchant_id, **facts).status == 201
        stage.bureau.open(plain)
        deployment.clock.move_to(opens_at.isoformat())
        yield stage
        require_books_close(deployment)
    telemetry.write_to(None)

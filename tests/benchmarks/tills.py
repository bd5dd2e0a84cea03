"""Redemptions and refunds through the whole handler, against the same requests by bare botocore.

Each is made for a pair of vouchers: for one by the handler, and for the other by a bare client
that sends what the handler sent, with the other's names in it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import botocore.session

import functions.redeem.handler
from tests.benchmarks.claims import ROUNDS, charged, claim, stand, timed
from tests.support.calls import platform_arn, redemption_body
from tests.support.campaigns import UNIONPAY
from tests.support.deployment import REGION
from tests.support.events import proxy_event

_TILL = platform_arn(UNIONPAY)
_METHODS = {
    "GetItem": "get_item",
    "Query": "query",
    "TransactWriteItems": "transact_write_items",
}
Sent = list[tuple[str, str]]
"""Requests in order: the operation's name, and the body as text."""


@dataclass(slots=True)
class Pair:
    """Two vouchers; the handler's redemption of the first, and its order's number."""

    mine: str
    other: str
    redemption_id: str = ""

    @property
    def order_no(self) -> str:
        """Of the first voucher's order."""
        return f"o-{self.mine}"

    @property
    def names(self) -> dict[str, str]:
        """What stands in the second's requests in place of the first's."""
        # The order's number goes with its voucher's.
        return {self.mine: self.other, self.redemption_id: f"r_{self.other[2:]}"}

    def redeem(self) -> None:
        """By the handler."""
        body = redemption_body(self.mine, self.order_no)
        event = proxy_event("POST", "/v1/redemptions", caller=_TILL, body=body)
        self.redemption_id = _answered(event)["redemption_id"]

    def refund(self) -> None:
        """A part, by the handler."""
        path = f"/v1/redemptions/{self.redemption_id}/refunds"
        body = {"refund_no": "f-1", "refund_fen": 1_000}
        _answered(proxy_event("POST", path, caller=_TILL, body=body))


def till_times(log: Path, pairs: int) -> dict[str, dict[str, float]]:
    """Microseconds of this process, calls and write units of a warm redemption and of a refund.

    Args:
        log: of the engine.
        pairs: in each of the rounds; the ratio is the median of the rounds'.

    """
    with stand(log):
        people = count()
        # Made last, so that the models are bound to it.
        client = functions.redeem.handler._database().client
        bare = botocore.session.get_session().create_client("dynamodb", region_name=REGION)
        rounds: dict[str, list[tuple[float, float]]] = {"redeem": [], "refund": []}
        for number in range(1 + ROUNDS):
            made = [Pair(claim(next(people)), claim(next(people))) for _ in range(pairs)]
            for name, found in rounds.items():
                both = [_timed(getattr(pair, name), pair, client, bare) for pair in made]
                # The first round warms up.
                if number:
                    found.append((median(w for w, _ in both), median(b for _, b in both)))
        last = Pair(claim(next(people)), "v_none")
        return {
            name: _row(found) | _counts(getattr(last, name), client)
            for name, found in rounds.items()
        }


def _timed(act: Any, pair: Pair, client: Any, bare: Any) -> tuple[float, float]:  # noqa: ANN401 - botocore's
    with _listening(client) as sent:
        whole = timed(act)
    requests = []
    for operation, body in sent:
        text = body
        for old, new in pair.names.items():
            text = text.replace(old, new)
        request = json.loads(text)
        if "ClientRequestToken" in request:
            request["ClientRequestToken"] = str(uuid.uuid4())
        requests.append((getattr(bare, _METHODS[operation]), request))
    return whole, timed(lambda: [send(**request) for send, request in requests])


def _row(rounds: list[tuple[float, float]]) -> dict[str, float]:
    ratios = [whole / alone for whole, alone in rounds]
    return {
        "handler_us": round(median(whole for whole, _ in rounds) * 1e6),
        "bare_us": round(median(alone for _, alone in rounds) * 1e6),
        "ratio": round(median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
    }


def _counts(act: Any, client: Any) -> dict[str, float]:  # noqa: ANN401 - as above
    """Calls, and the write units that the engine reports."""
    with charged(client) as units, _listening(client) as sent:
        act()
    writes = [
        each
        for (operation, _), each in zip(sent, units, strict=True)
        if operation == "TransactWriteItems"
    ]
    return {"calls": len(sent), "write_units": sum(writes)}


@contextmanager
def _listening(client: Any) -> Iterator[Sent]:  # noqa: ANN401 - as above
    sent: Sent = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - as above
        sent.append((model.name, params["body"].decode()))

    client.meta.events.register("before-call.dynamodb", note)
    try:
        yield sent
    finally:
        client.meta.events.unregister("before-call.dynamodb", note)


def _answered(event: dict[str, Any]) -> dict[str, Any]:
    answer = functions.redeem.handler.handle(event, None)
    body: dict[str, Any] = json.loads(answer["body"])
    if answer["statusCode"] not in {200, 201}:
        raise RuntimeError(body)
    return body

"""The whole handler against bare botocore: processor time of a claim, and what it is charged."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import botocore.session

import functions.issue.handler
from functions.shared.domain.funds import Pool
from functions.shared.edge import clock as edge_clock
from functions.shared.edge import telemetry
from functions.shared.store.connection import Database
from functions.shared.store.shards import ShardStore
from functions.shared.store.stock import StockStore
from tests.benchmarks.dynamo_model import INDEX, ITEM
from tests.support.calls import Bureau, claim_body, platform_arn
from tests.support.campaigns import (
    CAMPAIGN_ID,
    OPEN,
    REDUCTION,
    ROUND_1,
    UNIONPAY,
    allocation,
    campaign_document,
)
from tests.support.deployment import REGION, Clock, Deployment, forget
from tests.support.engine import engine, make_secret, make_tables
from tests.support.events import proxy_event

DRAFTED = "2026-01-02T10:00:00+08:00"
UNITS = 1_000_000
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Stand:
    """The deployment on the engine, with one large pool whose round is open."""

    database: Database
    pool: Pool

    @property
    def client(self) -> Any:  # noqa: ANN401 - botocore clients have no static type
        """The botocore client under the store."""
        return self.database.client


@contextmanager
def stand(log: Path) -> Iterator[Stand]:
    """The deployment on an engine in a process of its own, so that only our time is counted."""
    clock = Clock(datetime.fromisoformat(DRAFTED))
    telemetry.silence()
    with engine(log), edge_clock.use(clock):
        forget()
        make_tables()
        make_secret()
        bureau = Bureau(Deployment(clock))
        bureau.put_platform(UNIONPAY)
        bureau.put_merchant("noodles")
        document = campaign_document(appropriated_fen=10**10)
        document["rounds"][0]["stock"] = [
            {**allocation(REDUCTION, UNIONPAY, UNITS), "expected_claims_per_s": 1_000}
        ]
        document["rounds"] = document["rounds"][:1]
        bureau.open(document)
        clock.move_to(OPEN)
        # The issue function's own: whatever is made last binds the models.
        database = functions.issue.handler._database()
        pools = StockStore(database).pools(CAMPAIGN_ID)
        yield Stand(database, next(pool for pool in pools if pool.round_id == ROUND_1))
    forget()


def processor_time(log: Path, claims: int) -> dict[str, float]:
    """Microseconds of this process for a warm claim and for its bare transaction, interleaved.

    Args:
        log: of the engine.
        claims: in each of the rounds; the ratio is the median of the rounds'.

    """
    with stand(log) as at:
        people = iter(range(10_000_000))
        sent = _Sent(at.client)
        claim(next(people))
        bare = botocore.session.get_session().create_client("dynamodb", region_name=REGION)
        pattern = sent.transaction
        rounds = []
        for _ in range(ROUNDS):
            whole, alone = [], []
            for _ in range(claims):
                person = next(people)
                event = _event(person)
                whole.append(timed(lambda event=event: functions.issue.handler.handle(event, None)))
                items = _renamed(pattern, person)
                alone.append(timed(lambda items=items: bare.transact_write_items(**items)))
            rounds.append((median(whole), median(alone)))
    ratios = [whole / alone for whole, alone in rounds]
    return {
        "handler_us": round(median(whole for whole, _ in rounds) * 1e6),
        "bare_us": round(median(alone for _, alone in rounds) * 1e6),
        "ratio": round(median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
    }


def capacity(log: Path) -> list[dict[str, Any]]:
    """What the model charges for our requests beside what the engine reports for them."""
    with stand(log) as at:
        pool, shards = at.pool, ShardStore(at.database)
        claim(1)
        numbers = range(pool.shard_count)
        rows = []
        for name, modelled, act in (
            ("claim", 3 * ITEM + INDEX, lambda: claim(2)),
            ("move between shards", 2 * ITEM, lambda: shards.move_units(pool, 0, 1, 1)),
            ("give a home", 1, lambda: shards.give_home(pool)),
            ("look at 100 shards", len(numbers), lambda: shards.levels(pool, numbers)),
            ("read the pool", 1, lambda: shards.is_sold_out(pool)),
        ):
            with charged(at.client) as charges:
                act()
            rows.append({"request": name, "modelled": modelled, "reported": sum(charges)})
    return rows


def claim(person: int) -> str:
    """Claims a voucher through the handler; its id."""
    answer = functions.issue.handler.handle(_event(person), None)
    if answer["statusCode"] != 201:
        raise RuntimeError(answer["body"])
    voucher_id: str = json.loads(answer["body"])["voucher_id"]
    return voucher_id


def _event(person: int) -> dict[str, Any]:
    body = claim_body(person, f"q-{person}")
    return proxy_event("POST", "/v1/claims", caller=platform_arn(UNIONPAY), body=body)


def timed(act: Any) -> float:  # noqa: ANN401 - any call
    """Seconds of processor time that the call takes in this process."""
    begun = time.process_time_ns()
    act()
    return (time.process_time_ns() - begun) / 1e9


class _Sent:
    """Keeps the transaction that the handler sends."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - as above
        self.transaction: dict[str, Any] = {}
        client.meta.events.register("before-call.dynamodb.TransactWriteItems", self._keep)

    def _keep(self, params: dict[str, Any], **_: object) -> None:
        self.transaction = json.loads(params["body"])


def _renamed(transaction: dict[str, Any], person: int) -> dict[str, Any]:
    """The same items for another voucher and person."""
    renamed: dict[str, Any] = json.loads(json.dumps(transaction))
    renamed["ClientRequestToken"] = f"bare-{person}"
    for action in renamed["TransactItems"]:
        [(_, item)] = action.items()
        key = item.get("Key") or item["Item"]
        for name in ("voucher_id", "person_key"):
            if name in key:
                key[name] = {"S": f"{key[name]['S']}-bare-{person}"}
    return renamed


@contextmanager
def charged(client: Any) -> Iterator[Sequence[float]]:  # noqa: ANN401 - as above
    """The capacity units of every call, as they are reported."""
    charges: list[float] = []

    def ask(params: dict[str, Any], **_: object) -> None:
        body = json.loads(params["body"])
        body["ReturnConsumedCapacity"] = "TOTAL"
        params["body"] = json.dumps(body).encode()

    def note(parsed: dict[str, Any], **_: object) -> None:
        told = parsed.get("ConsumedCapacity", [])
        entries = told if isinstance(told, list) else [told]
        charges.append(sum(entry["CapacityUnits"] for entry in entries))

    client.meta.events.register("before-call.dynamodb", ask)
    client.meta.events.register("after-call.dynamodb", note)
    try:
        yield charges
    finally:
        client.meta.events.unregister("before-call.dynamodb", ask)
        client.meta.events.unregister("after-call.dynamodb", note)

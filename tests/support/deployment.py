"""A deployment in this process: moto, the tables of the models, the secret, the real handlers.

One deployment serves a whole module of tests. `keep` remembers what the tables hold and `restore`
puts it back before each test, so that no test sees another's writes and none pays for a seed.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

import functions.campaign.handler
import functions.earn.handler
import functions.files.handler
import functions.finance.handler
import functions.grant.handler
import functions.issue.handler
import functions.redeem.handler
from functions.shared.domain.memory import Memory
from functions.shared.edge import clock as edge_clock
from functions.shared.edge import settings
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.schemas import KeySchema, TableSchema, table_schema
from functions.shared.store.tables import MODELS
from infra.local.moto_speed import quick_moto
from infra.local.signing_key import make_signing_key
from tests.support.events import ACCOUNT, Reply, function_of, proxy_event, reply_of, role_arn

REGION = "cn-north-1"
PREFIX = "huimin-"
SECRET_ID = "huimin/keys"
BUCKET = "huimin-files"
SIGNING_KEY = "alias/huimin-signing"
SECRET = json.dumps({"master": "0123456789abcdef" * 4, "version": 1})
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "HUIMIN_TABLE_PREFIX": PREFIX,
    "HUIMIN_FILES_BUCKET": BUCKET,
    "HUIMIN_SECRET_ID": SECRET_ID,
    "HUIMIN_SIGNING_KEY": SIGNING_KEY,
    "HUIMIN_BUREAU_ROLES": json.dumps(
        {role: role_arn(f"huimin-{role}") for role in ("operator", "approver", "auditor")}
    ),
}
HANDLERS: Mapping[str, Any] = {
    "campaign": functions.campaign.handler,
    "issue": functions.issue.handler,
    "redeem": functions.redeem.handler,
    "earn": functions.earn.handler,
    "files": functions.files.handler,
    "finance": functions.finance.handler,
    "grant": functions.grant.handler,
}
Snapshot = dict[str, list[dict[str, Any]]]


class Clock:
    """The time of the deployment; it stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time, as `shared.edge.clock` asks for it."""
        return self.now

    def move_to(self, at: str) -> datetime:
        """Sets the time, given as RFC 3339."""
        self.now = datetime.fromisoformat(at)
        return self.now

    def advance(self, **duration: float) -> datetime:
        """Moves the time on, or back, by days, hours, minutes or seconds."""
        self.now += timedelta(**duration)
        return self.now


class Deployment:
    """The tables and functions of one deployment.

    Args:
        clock: what every function reads the time from.

    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._kept: dict[str, Any] = {}
        self._kept_at = clock.now

    def snapshot(self) -> Snapshot:
        """Every item of every table, in a fixed order: equal when nothing has changed.

        Not the counts of homes nor the notes of refusals: they are hints, no records, and what is
        refused leaves them.
        """
        suffixes = {table_schema(model).suffix for model in MODELS} - {"homes", "refusals"}
        return {suffix: self.items(suffix) for suffix in sorted(suffixes)}

    def items(self, suffix: str) -> list[dict[str, Any]]:
        """Every raw item of one table, in a fixed order.

        Read from moto itself: it is asked so often that scans would take most of a run.
        """
        held = _moto_tables()[PREFIX + suffix].all_items()
        found = [item.to_json()["Attributes"] for item in held]
        return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))

    def keep(self) -> None:
        """Remembers what the tables hold, and the time."""
        self._kept = copy.deepcopy(dict(_moto_tables()))
        self._kept_at = self.clock.now

    def restore(self) -> None:
        """Puts back what `keep` remembered; functions forget what they have read since."""
        _moto_tables().update(copy.deepcopy(self._kept))
        self.clock.now = self._kept_at
        self.forget_reads()

    def forget_reads(self) -> None:
        """As in a new Lambda environment: nothing is remembered from earlier requests."""
        for handler in HANDLERS.values():
            handler.app.platforms.forget()
            # Finance remembers nothing but platforms, and has no such service.
            service = getattr(handler, "_service", None)
            if service is not None and service.cache_info().currsize:
                # Emptied, not made anew: fetching the secret again takes longer than a test.
                for memory in vars(service()).values():
                    if isinstance(memory, Memory):
                        memory.clear()
                    elif isinstance(memory, Issuer | Offers):
                        memory.forget()

    def send(self, event: Mapping[str, Any]) -> Reply:
        """What the function that API Gateway would call answers to the event."""
        handler = HANDLERS[function_of(event["resource"])]
        return reply_of(handler.handle(dict(event), None))

    def call(
        self,
        caller: str | None,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer to a request of that caller."""
        return self.send(proxy_event(method, path, caller=caller, body=body, headers=headers))


@contextmanager
def deployed(now: str) -> Iterator[Deployment]:
    """A deployment with empty tables, at that time."""
    clock = Clock(datetime.fromisoformat(now))
    with (
        patch.dict(os.environ, ENVIRONMENT),
        quick_moto(),
        mock_aws(),
        edge_clock.use(clock),
    ):
        forget()
        client = boto3.client("dynamodb", region_name=REGION)
        for model in MODELS:
            _create(client, table_schema(model))
        boto3.client("secretsmanager", region_name=REGION).create_secret(
            Name=SECRET_ID, SecretString=SECRET
        )
        make_signing_key(SIGNING_KEY)
        yield Deployment(clock)
    forget()


def forget() -> None:
    """Every function is composed anew at its next call, from the environment as it then is."""
    settings.forget()
    for handler in HANDLERS.values():
        handler.forget()


def _moto_tables() -> Any:  # noqa: ANN401 - moto's own
    return dynamodb_backends[ACCOUNT][REGION].tables


def _create(client: Any, schema: TableSchema) -> None:  # noqa: ANN401 - boto3 has no types
    types: dict[str, str] = {}
    for key in (schema.key, *(index.key for index in schema.indexes)):
        types[key.hash_key] = key.hash_type
        if key.range_key and key.range_type:
            types[key.range_key] = key.range_type
    indexes = [
        {
            "IndexName": index.name,
            "KeySchema": _keys(index.key),
            "Projection": {
                "ProjectionType": index.projection,
                **({"NonKeyAttributes": list(index.included)} if index.included else {}),
            },
        }
        for index in schema.indexes
    ]
    client.create_table(
        TableName=PREFIX + schema.suffix,
        KeySchema=_keys(schema.key),
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in types.items()
        ],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def _keys(key: KeySchema) -> list[dict[str, str]]:
    schema = [{"AttributeName": key.hash_key, "KeyType": "HASH"}]
    if key.range_key:
        schema.append({"AttributeName": key.range_key, "KeyType": "RANGE"})
    return schema


def make_bucket() -> None:
    """Makes the files bucket, versioned, unless an earlier test has."""
    client = boto3.client("s3", region_name=REGION)
    if BUCKET not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
        where = {"LocationConstraint": REGION}
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

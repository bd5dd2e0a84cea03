"""moto as the AWS of one process: tables from the store's own models, the bucket, the secret."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Final, Self
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from functions.shared.domain.news import SOURCE
from functions.shared.store.changes import streamed_suffixes
from functions.shared.store.connection import Database
from functions.shared.store.tables import MODELS
from infra.local.moto_speed import quick_moto
from infra.local.signing_key import make_signing_key

REGION: Final = "cn-north-1"
ACCOUNT_ID: Final = "123456789012"
FILES_BUCKET: Final = "huimin-files"
SECRET_ID: Final = "huimin/master"  # noqa: S105 - the name of the secret, not the secret
TABLE_PREFIX: Final = "huimin-"
EVENT_BUS: Final = "huimin-news"
SIGNING_KEY: Final = "alias/huimin-signing"
# A fixed secret makes ids, and with them every file of the demonstration, the same on each run.
_SECRET: Final = {"master": "of this machine only and worth nothing elsewhere", "version": 1}

_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "local",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class LocalEngine:
    """moto, started with everything that a deployment has; a context manager.

    `lock` must be held while anything talks to it: moto loses updates under threads.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            exits.enter_context(_environment())
            exits.enter_context(mock_aws())
            exits.enter_context(quick_moto())
            self._make_everything()
            self._exits = exits.pop_all()
        return self

    def _make_everything(self) -> None:
        Database(TABLE_PREFIX)
        for model in MODELS:
            model.create_table(billing_mode="PAY_PER_REQUEST")
        self._make_news()
        self._s3: Any = boto3.client("s3")
        self._s3.create_bucket(
            Bucket=FILES_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self._s3.put_bucket_versioning(
            Bucket=FILES_BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        make_signing_key(SIGNING_KEY)
        boto3.client("secretsmanager").create_secret(
            Name=SECRET_ID, SecretString=json.dumps(_SECRET)
        )

    def _make_news(self) -> None:
        """The streams, the bus, and a queue that gets all that is put on it."""
        sqs = boto3.client("sqs")
        dynamodb = boto3.client("dynamodb")
        for suffix in sorted(streamed_suffixes()):
            dynamodb.update_table(
                TableName=TABLE_PREFIX + suffix,
                StreamSpecification={
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            )
        url = sqs.create_queue(QueueName=EVENT_BUS)["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        bus: Any = boto3.client("events")
        bus.create_event_bus(Name=EVENT_BUS)
        pattern = json.dumps({"source": [SOURCE]})
        bus.put_rule(Name="all", EventBusName=EVENT_BUS, EventPattern=pattern)
        target = {"Id": "queue", "Arn": queue["Attributes"]["QueueArn"]}
        bus.put_targets(Rule="all", EventBusName=EVENT_BUS, Targets=[target])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()

    def put_object(self, key: str, data: bytes) -> str:
        """Puts an object into the files bucket as a platform would; its version."""
        with self.lock:
            answer = self._s3.put_object(Bucket=FILES_BUCKET, Key=key, Body=data)
        return str(answer["VersionId"])

    def take_changes(self) -> list[dict[str, Any]]:
        """The records of all streams since the last time, as Lambda would deliver them.

        Read where moto keeps them: its API of streams does not answer for the regions of China.
        """
        found: list[dict[str, Any]] = []
        with self.lock:
            tables = dynamodb_backends[ACCOUNT_ID][REGION].tables
            for suffix in sorted(streamed_suffixes()):
                table = tables[TABLE_PREFIX + suffix]
                shard = table.stream_shard
                assert shard is not None, suffix  # noqa: S101 - made with one
                arn = f"{table.table_arn}/stream/{table.latest_stream_label}"
                found += [{**each.to_json(), "eventSourceARN": arn} for each in shard.items]
                # moto keeps them for ever, and copies the list of them for each transaction.
                shard.starting_sequence_number += len(shard.items)
                shard.items.clear()
        return found

    def take_news(self) -> list[dict[str, Any]]:
        """What was put on the bus since the last time, as CloudEvents, oldest first.

        Read where moto keeps the queue: it looks through all messages to receive or delete one.
        """
        with self.lock:
            queue = sqs_backends[ACCOUNT_ID][REGION].get_queue(EVENT_BUS)
            found = [json.loads(message.body)["detail"] for message in queue.messages]
            # Emptying it through its API is allowed once a minute.
            queue._messages.clear()  # noqa: SLF001 - as above
        return found

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Every object of the files bucket, by key."""
        with self.lock:
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=FILES_BUCKET):
                for entry in page.get("Contents", ()):
                    found = self._s3.get_object(Bucket=FILES_BUCKET, Key=entry["Key"])
                    yield entry["Key"], found["Body"].read()


@contextmanager
def _environment() -> Iterator[None]:
    """The environment of the local AWS: a developer's profile or endpoint must not be mixed in."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(_ENVIRONMENT)
        yield

"""The whole system in one process: moto as AWS, the real functions, the local gateway.

    SignedClient ──HTTP──> Gateway ──proxy event──> functions' handlers ──boto──> moto
    drop_bill ──S3, then its event──> reconcile        tick, report ──schedule's event──> functions
    news ──moto's streams──> publish ──moto's bus──> what was told

Nothing here is shipped. The keys are part of the source and open nothing anywhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from functions.campaign import handler as campaign
from functions.earn import handler as earn
from functions.files import handler as files
from functions.finance import handler as finance
from functions.grant import handler as grant
from functions.issue import handler as issue
from functions.publish import handler as publish
from functions.reconcile import handler as reconcile
from functions.redeem import handler as redeem
from functions.report import handler as report
from functions.shared.domain.business_time import to_rfc3339
from functions.shared.edge import clock as edge_clock
from functions.shared.edge import settings
from functions.shared.edge.routes import ROUTES
from infra.local.client import SignedClient
from infra.local.clock import LocalClock
from infra.local.engine import (
    ACCOUNT_ID,
    EVENT_BUS,
    FILES_BUCKET,
    REGION,
    SECRET_ID,
    SIGNING_KEY,
    LocalEngine,
)
from infra.local.gateway import Gateway, LambdaContext
from infra.local.signatures import LocalKey

BATCH = 100
"""Records that a function gets at once, as deployed."""

_HANDLERS: Mapping[str, Any] = {
    "campaign": campaign,
    "issue": issue,
    "redeem": redeem,
    "earn": earn,
    "files": files,
    "finance": finance,
    "grant": grant,
    "publish": publish,
    "reconcile": reconcile,
    "report": report,
}


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """A platform of the local stack and the role it signs with."""

    name: str
    role_arn: str


def _role_arn(role: str) -> str:
    return f"arn:aws-cn:iam::{ACCOUNT_ID}:role/huimin-{role}"


def _key(role: str, person: str, number: int) -> LocalKey:
    return LocalKey(
        access_key=f"AKIDHUIMINLOCAL{number:05d}",
        secret_key=f"local-secret-{number:05d}-opens-nothing-elsewhere",
        user_arn=f"arn:aws-cn:sts::{ACCOUNT_ID}:assumed-role/huimin-{role}/{person}",
    )


PLATFORMS: Mapping[str, PlatformFacts] = {
    "meituan": PlatformFacts("美团", _role_arn("platform-meituan")),
    "unionpay": PlatformFacts("云闪付", _role_arn("platform-unionpay")),
}


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """The keys of everybody who calls the local stack."""

    operator: LocalKey
    approver: LocalKey
    auditor: LocalKey
    platforms: Mapping[str, LocalKey]

    def all(self) -> dict[str, LocalKey]:
        """Every key by its access key."""
        keys = [self.operator, self.approver, self.auditor, *self.platforms.values()]
        return {key.access_key: key for key in keys}


KEYS = LocalKeys(
    operator=_key("operator", "li.na", 1),
    approver=_key("approver", "wang.wei", 2),
    auditor=_key("auditor", "zhao.min", 3),
    platforms={
        name: _key(f"platform-{name}", "backend", number)
        for number, name in enumerate(PLATFORMS, 11)
    },
)


class LocalStack:
    """The system on one machine; a context manager that leaves the process as it found it.

    Args:
        clock: what the functions and the gateway take for now.
        port: of the gateway on 127.0.0.1; 0 picks a free one.

    """

    keys = KEYS

    def __init__(self, clock: LocalClock, *, port: int = 0) -> None:
        self.clock = clock
        self._port = port
        self._exits = ExitStack()
        self.base_url = ""

    def __enter__(self) -> Self:
        self._exits.enter_context(_environment())
        self.engine = self._exits.enter_context(LocalEngine())
        self._exits.enter_context(edge_clock.use(self.clock.now))
        gateway = Gateway(
            ROUTES,
            {name: module.handle for name, module in _HANDLERS.items()},
            keys=self.keys.all(),
            clock=self.clock.now,
            region=REGION,
            account_id=ACCOUNT_ID,
            lock=self.engine.lock,
        )
        self.gateway = gateway
        self.base_url = self._exits.enter_context(gateway.serve(self._port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()

    def client(self, key: LocalKey) -> SignedClient:
        """An HTTP client that signs with that key, on the stack's clock."""
        return SignedClient(self.base_url, key, clock=self.clock.now, region=REGION)

    def drop_bill(self, platform_id: str, on: date, data: bytes, name: str = "bill.csv") -> None:
        """Puts a bill where the platform would, and delivers the event of its arrival."""
        key = f"bills/{platform_id}/{on.isoformat()}/{name}"
        version = self.engine.put_object(key, data)
        self._invoke(
            "reconcile",
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "time": to_rfc3339(self.clock.now()),
                "detail": {
                    "bucket": {"name": FILES_BUCKET},
                    "object": {"key": key, "size": len(data), "version-id": version},
                },
            },
        )

    def tick(self) -> None:
        """The reconciler's schedule fires."""
        self._scheduled("reconcile", "tick")

    def report(self) -> None:
        """The report's schedule fires."""
        self._scheduled("report", "report")

    def news(self) -> list[dict[str, Any]]:
        """What was committed since the last time, as the bus passed it on: CloudEvents."""
        records = self.engine.take_changes()
        for start in range(0, len(records), BATCH):
            failed = self._invoke("publish", {"Records": records[start : start + BATCH]})
            assert failed == {"batchItemFailures": []}, failed  # noqa: S101 - moto takes all
        return self.engine.take_news()

    def download(self, folder: Path) -> int:
        """Writes every file of the bucket into a folder; the number of files."""
        count = 0
        for key, data in self.engine.objects():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            count += 1
        return count

    def _scheduled(self, function: str, task: str) -> None:
        now = to_rfc3339(self.clock.now())
        self._invoke(function, {"source": "huimin.schedule", "task": task, "time": now})

    def _invoke(self, function: str, event: dict[str, Any]) -> object:
        with self.engine.lock:
            return _HANDLERS[function].handle(event, LambdaContext.for_function(function))


_ENVIRONMENT: Mapping[str, str] = {
    "HUIMIN_TABLE_PREFIX": "huimin-",
    "HUIMIN_FILES_BUCKET": FILES_BUCKET,
    "HUIMIN_SECRET_ID": SECRET_ID,
    "HUIMIN_EVENT_BUS": EVENT_BUS,
    "HUIMIN_SIGNING_KEY": SIGNING_KEY,
    "HUIMIN_BUREAU_ROLES": json.dumps(
        {role: _role_arn(role) for role in ("operator", "approver", "auditor")}
    ),
}


@contextmanager
def _environment() -> Iterator[None]:
    """Sets what the functions read from the environment, and puts back what was there."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    _forget()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _forget()


def _forget() -> None:
    settings.forget()
    for module in _HANDLERS.values():
        module.forget()

"""A DynamoDB engine with true transactions, in a process of its own (ministack, plain HTTP).

What moto cannot show is shown on it: what happens at once, and what ClientRequestToken does. It
never says TransactionConflict; `tests.contract` injects that.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import boto3

from functions.shared.edge import settings
from functions.shared.store.connection import Database
from functions.shared.store.tables import MODELS
from tests.support.deployment import ENVIRONMENT, PREFIX, SECRET, SECRET_ID

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = REPOSITORY / ".venv-emulator" / "bin" / "ministack"
ENDPOINT = "HUIMIN_DYNAMODB_ENDPOINT"
"""The variable that may name another engine, already running and empty."""

START_S = 30


@contextmanager
def engine(log: Path) -> Iterator[str]:
    """Starts the engine; its address. The environment leads there while it runs.

    Args:
        log: where what it writes goes.

    """
    named = os.environ.get(ENDPOINT)
    if named:
        with _environment(named):
            yield named
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own tool
            [COMMAND],
            env={**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(port, process, log)
            with _environment(f"http://127.0.0.1:{port}"):
                yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def make_tables(prefix: str = PREFIX) -> Database:
    """The tables of the store's own models, empty."""
    database = Database(prefix)
    for model in MODELS:
        model.create_table(billing_mode="PAY_PER_REQUEST")
    return database


def make_secret() -> None:
    """What the functions derive their keys from."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name=SECRET_ID, SecretString=SECRET)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the engine did not start:\n{log.read_text(errors='replace')[-2_000:]}")


@contextmanager
def _environment(endpoint: str) -> Iterator[None]:
    ours: Mapping[str, str] = {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, {**kept, **ours}, clear=True):
        settings.forget()
        yield
    settings.forget()

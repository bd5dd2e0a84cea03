"""One deployment a module, its tables emptied before each test; no network, no real pauses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.shared.store.connection import Database
from functions.shared.store.tables import MODELS
from functions.shared.store.transaction import RetryPolicy
from tests.support.campaigns import OPEN
from tests.support.deployment import PREFIX, Deployment, deployed

_pauses: list[float] = []


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Every socket is refused."""


@pytest.fixture(scope="module")
def _tables() -> Iterator[Deployment]:
    with deployed(OPEN) as deployment:
        deployment.keep()
        yield deployment


@pytest.fixture(scope="module")
def _bound(_tables: Deployment) -> Database:
    # One a module: a client takes longer to make than a test takes to run.
    return Database(PREFIX, retry=RetryPolicy(sleep=_pauses.append, jitter=lambda: 1.0))


@pytest.fixture
def deployment(_tables: Deployment) -> Deployment:
    """The deployment, its tables empty."""
    _tables.restore()
    return _tables


@pytest.fixture
def database(deployment: Deployment, _bound: Database) -> Database:  # noqa: ARG001 - emptied first
    """The tables as the store has them."""
    return _bound


@pytest.fixture
def models_given_back(database: Database) -> Iterator[Database]:
    """The database, for a test that makes another one, which takes the models over."""
    bound = [(model, model.Meta.table_name, model._connection) for model in MODELS]
    yield database
    for model, table_name, connection in bound:
        model.Meta.table_name, model._connection = table_name, connection


@pytest.fixture
def pauses() -> list[float]:
    """How long was waited between tries, in seconds; nobody really waits."""
    _pauses.clear()
    return _pauses

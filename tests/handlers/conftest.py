"""One deployment a module, with a running campaign; its tables are put back before each test."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from functions.shared.edge import telemetry
from tests.support.books import require_books_close
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import MEITUAN, OPEN, UNIONPAY, campaign_document
from tests.support.deployment import Deployment, deployed


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Every socket is refused."""


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    """What was logged; no operation may answer what it has not declared, or fail unforeseen."""
    stream = io.StringIO()
    telemetry.write_to(stream)
    yield stream
    telemetry.write_to(None)
    messages = {json.loads(line)["message"] for line in stream.getvalue().splitlines()}
    assert not messages & {"unhandled", "undeclared code", "undeclared status"}


@pytest.fixture(scope="module")
def _seeded() -> Iterator[Deployment]:
    telemetry.silence()
    with deployed("2026-01-02T10:00:00+08:00") as deployment:
        bureau = Bureau(deployment)
        for platform_id in (UNIONPAY, MEITUAN):
            assert bureau.put_platform(platform_id).status == 201
        merchants: dict[str, dict[str, object]] = {
            "noodles": {},
            "dumplings": {},
            "books": {"industry": "retail"},
            "gone": {"active": False},
            "soon": {"effective_on": "2026-01-06"},
        }
        for merchant_id, facts in merchants.items():
            assert bureau.put_merchant(merchant_id, **facts).status == 201
        bureau.open(campaign_document())
        deployment.clock.move_to(OPEN)
        deployment.keep()
        yield deployment


@pytest.fixture
def deployment(_seeded: Deployment) -> Iterator[Deployment]:
    """The deployment as it was seeded, in the first round; in the end its books must close."""
    _seeded.restore()
    yield _seeded
    require_books_close(_seeded)


@pytest.fixture
def bureau(deployment: Deployment) -> Bureau:
    """The bureau."""
    return Bureau(deployment)


@pytest.fixture
def unionpay(deployment: Deployment) -> Platform:
    """A platform."""
    return Platform(deployment)


@pytest.fixture
def meituan(deployment: Deployment) -> Platform:
    """The other platform."""
    return Platform(deployment, MEITUAN)

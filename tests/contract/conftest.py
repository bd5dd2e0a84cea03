"""One engine for all; each test has tables of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.contract.site import Site
from tests.support.engine import engine

MakeSite = Callable[..., Site]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the engine."""
    for item in items:
        if "tests/contract/" in item.path.as_posix():
            item.add_marker(pytest.mark.contract)


@pytest.fixture(scope="session")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[int]]:
    with engine(tmp_path_factory.mktemp("engine") / "log"):
        yield count()


@pytest.fixture
def make_site(_engine: Iterator[int]) -> MakeSite:
    """Makes a campaign in tables that nobody else has."""
    return lambda stock, **changes: Site(f"t{next(_engine)}-", stock, **changes)

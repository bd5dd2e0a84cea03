"""A fixed clock for every test of the edge, and logs that a test can read."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from functions.shared.edge import clock, telemetry
from tests.edge.sample import NOW, Sample
from tests.edge.sample import sample as make_sample


@pytest.fixture(autouse=True)
def _fixed_clock() -> Iterator[None]:
    with clock.use(lambda: NOW):
        yield


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    """What is logged and measured during the test, one JSON object a line."""
    stream = io.StringIO()
    telemetry.write_to(stream)
    yield stream
    telemetry.write_to(None)


@pytest.fixture
def sample() -> Sample:
    """A fresh App, and what reaches its operations."""
    return make_sample()

"""Each module names its document; each test begins when its first round has just opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rulebook.stage import Stage, document, opened


@pytest.fixture(scope="module")
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with opened(document(request.module.CAMPAIGN)) as stage:
        stage.deployment.keep()
        yield stage


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """The module's campaign as its first round opens."""
    _stage.deployment.restore()
    return _stage

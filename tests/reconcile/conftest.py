"""One deployment for a module of settlement tests; each test gets it as founded, and a bucket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.campaigns import BEFORE, CAMPAIGN_ID
from tests.support.deployment import Deployment, deployed
from tests.support.settling import OTHER_CAMPAIGN, Books, found


@pytest.fixture(scope="module")
def founded() -> Iterator[Deployment]:
    """Two campaigns, two platforms and a merchant."""
    with deployed(BEFORE) as deployment:
        found(deployment, campaigns=(CAMPAIGN_ID, OTHER_CAMPAIGN))
        deployment.keep()
        yield deployment


@pytest.fixture
def books(founded: Deployment) -> Books:
    """The founded deployment as it was, with an empty bucket."""
    founded.restore()
    return Books(founded)

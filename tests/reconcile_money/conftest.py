"""moto as AWS for this folder, and one stage on it whose tables are put back for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import settings
from moto import mock_aws

from infra.local.moto_speed import quick_moto
from tests.reconcile_money.world import World, small_batches
from tests.support.deployment import ENVIRONMENT
from tests.support.faults import no_waiting

# Two busy cores make single examples slow; a failure must be repeatable from its report.
settings.register_profile("huimin-money", deadline=None, print_blob=True)
settings.load_profile("huimin-money")


@pytest.fixture(scope="package")
def built_world() -> Iterator[World]:
    """The stage, its tables made once."""
    with (
        patch.dict(os.environ, ENVIRONMENT),
        quick_moto(),
        mock_aws(),
        small_batches(),
        no_waiting(),
    ):
        yield World()


@pytest.fixture
def world(built_world: World) -> World:
    """An empty stage."""
    built_world.clear()
    return built_world

"""The deployed stack, one for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.emulator import Deployment, deploy, running_emulator, synthesize


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The synthesized stack on a running emulator, which ends with the run."""
    folder = tmp_path_factory.mktemp("e2e")
    assembly = folder / "cdk.out"
    synthesize(assembly)
    with running_emulator(folder) as emulator:
        yield deploy(emulator, assembly)

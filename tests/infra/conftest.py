"""One synthesized template for all tests, whatever the number of processes."""

from __future__ import annotations

import fcntl
import os

import pytest

from infra.packaged_node import use_packaged_node
from tests.infra.template import Template, read, synthesize

# Tests import constructs; jsii starts its Node then.
use_packaged_node()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template, with two platforms and one address for alarms.

    Synthesis takes seconds of two cores: the first process that needs it makes it for all.
    """
    mine = tmp_path_factory.getbasetemp()
    shared = mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine
    output = shared / "infra-cdk.out"
    with (shared / "infra-cdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            synthesize(output)
    return read(output)

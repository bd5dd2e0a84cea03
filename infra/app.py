"""Synthesizes the CloudFormation template: `python -m infra.app`, or CDK's command line.

Needs neither Docker nor AWS nor a Node of the user's own. Writes to CDK_OUTDIR, `cdk.out` when
that is not set, and fails when cdk-nag has a finding that nobody has accepted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from infra.packaged_node import use_packaged_node

REPOSITORY = Path(__file__).resolve().parent.parent
STACK_NAME = "Huimin"


def committed_context() -> dict[str, Any]:
    """The context of cdk.json, which only CDK's command line reads by itself."""
    context: dict[str, Any] = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    return context


def main() -> None:
    """Synthesizes; exits with 1 when cdk-nag has findings."""
    use_packaged_node()
    # After Node is chosen: jsii starts it while aws_cdk is being imported.
    import aws_cdk as cdk  # noqa: PLC0415 - see above
    import cdk_nag  # noqa: PLC0415 - see above

    from infra.deployment import CONTEXT_KEY, Deployment  # noqa: PLC0415 - see above
    from infra.stack import HuiminStack  # noqa: PLC0415 - see above

    app = cdk.App(
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        context=committed_context(),
        analytics_reporting=False,
    )
    deployment = Deployment.from_context(app.node.try_get_context(CONTEXT_KEY))
    HuiminStack(app, STACK_NAME, deployment=deployment)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()

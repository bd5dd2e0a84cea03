"""What the checkers of the trade say of the template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.infra.template import REPOSITORY, Template


def test_cdk_nag_has_no_finding_that_nobody_accepted(template: Template) -> None:
    """The app itself fails on findings, so that no deployment can pass them by."""
    report = json.loads((template.path.parent / "validation-report.json").read_text())
    assert report["pluginReports"] == []


def test_cdk_nag_does_look(tmp_path: Path) -> None:
    """With every acknowledgement ignored, the same app fails and names the findings."""
    program = (
        "from infra.packaged_node import use_packaged_node\n"
        "use_packaged_node()\n"
        "import infra.acknowledge\n"
        "infra.acknowledge.acknowledge = lambda construct, reasons: None\n"
        "from infra.app import main\n"
        "main()\n"
    )
    run = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "CDK_OUTDIR": str(tmp_path),
            "CDK_CONTEXT_JSON": json.dumps({"aws:cdk:bundling-stacks": []}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {each["ruleName"] for each in report["pluginReports"][0]["violations"]}
    assert run.returncode == 1
    assert {"AwsSolutions-APIG2", "AwsSolutions-SMG4"} <= found


# W3005 is CDK's own: it writes DependsOn where a reference would do.
def test_cfn_lint_is_content_in_both_china_regions(template: Template) -> None:
    """Also: every resource type and property exists there."""
    run = subprocess.run(  # noqa: S603 - the environment's own tool
        [
            *(str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005"),
            *("--regions", "cn-north-1", "cn-northwest-1", "--", str(template.path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")

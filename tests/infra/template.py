"""The synthesized template as tests read it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
STACK = "Huimin"
PLATFORMS = {"unionpay": "111122223333", "jd-pay": "444455556666"}
PLATFORM_BUSES = {"jd-pay": "arn:aws-cn:events:cn-north-1:444455556666:event-bus/vouchers"}

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A CloudFormation template.

    Args:
        path: where it lies.
        document: its content.

    """

    path: Path
    document: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """The resources of a type, as `AWS::DynamoDB::Table`, by logical id."""
        return {
            logical_id: resource
            for logical_id, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        }

    def properties(self, kind: str) -> list[dict[str, Any]]:
        """The properties of every resource of a type."""
        return [resource["Properties"] for resource in self.of_type(kind).values()]

    def named(self, kind: str, attribute: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type that has a name, by that name."""
        return {
            properties[attribute]: properties
            for properties in self.properties(kind)
            if attribute in properties
        }

    def text(self, value: object) -> str:
        """A value in one line: references become `<LogicalId>`, names of tables their own name."""
        match value:
            case str():
                return value
            case {"Ref": str(name)}:
                return f"<{name}>"
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return f"<{name}.{attribute}>"
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self.text(part) for part in parts)
            case _:
                return json.dumps(value)

    def statements(self, policy: Mapping[str, Any]) -> Iterator[Statement]:
        """The statements of a policy document."""
        for statement in policy["Statement"]:
            yield Statement(
                effect=statement["Effect"],
                actions=frozenset(_listed(statement["Action"])),
                resources=frozenset(self.text(each) for each in _listed(statement["Resource"])),
                conditions=statement.get("Condition", {}),
            )


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy, its resources as text."""

    effect: str
    actions: frozenset[str]
    resources: frozenset[str]
    conditions: Mapping[str, Any]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def synthesize(output: Path) -> None:
    """Runs the app as `make synth` does, but leaves the asset unbuilt.

    Raises:
        AssertionError: with what it wrote, when it fails; a finding of cdk-nag is a failure.

    """
    context = {
        "aws:cdk:bundling-stacks": [],
        "huimin": {
            "platforms": PLATFORMS,
            "platform_buses": PLATFORM_BUSES,
            "alarm_emails": ["duty@example.com"],
        },
    }
    run = subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=REPOSITORY,
        env={**os.environ, "CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def read(assembly: Path) -> Template:
    """The template of a synthesized assembly."""
    path = assembly / f"{STACK}.template.json"
    return Template(path, json.loads(path.read_text()))

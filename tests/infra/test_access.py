"""Who may take which role, and what each may call."""

from __future__ import annotations

import re
from typing import Any

import pytest

from functions.shared.edge.routes import ROUTES, Role
from infra.grants import GRANTS
from tests.infra.template import PLATFORM_BUSES, PLATFORMS, Statement, Template

EXECUTE = re.compile(
    r"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:"
    r"<ApiRest\w+>/<ApiRestDeploymentStagelive\w+>/(?P<method>\w+|\*)(?P<path>/.*)"
)


def _role(template: Template, name: str) -> tuple[str, dict[str, Any]]:
    for logical_id, resource in template.of_type("AWS::IAM::Role").items():
        if resource["Properties"].get("RoleName") == name:
            return logical_id, resource["Properties"]
    raise AssertionError(f"no role {name}")


def _statements(template: Template, name: str) -> list[Statement]:
    logical_id, role = _role(template, name)
    assert "ManagedPolicyArns" not in role
    assert "Policies" not in role
    return [
        statement
        for policy in template.properties("AWS::IAM::Policy")
        if {"Ref": logical_id} in policy["Roles"]
        for statement in template.statements(policy["PolicyDocument"])
    ]


def _calls(statements: list[Statement], effect: str) -> set[tuple[str, str]]:
    calls = set()
    for statement in statements:
        if "execute-api:Invoke" in statement.actions and statement.effect == effect:
            for resource in statement.resources:
                match = EXECUTE.fullmatch(resource)
                assert match, resource
                calls.add((match["method"], match["path"]))
    return calls


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.APPROVER, Role.AUDITOR])
def test_a_bureau_role_calls_its_own_routes_only(template: Template, role: Role) -> None:
    calls = _calls(_statements(template, f"huimin-{role}"), "Allow")
    assert calls == {
        (route.method, re.sub(r"\{\w+\}", "*", route.path))
        for route in ROUTES
        if role in route.roles
    }


def test_the_auditor_changes_nothing(template: Template) -> None:
    statements = _statements(template, "huimin-auditor")
    assert {method for method, _ in _calls(statements, "Allow")} == {"GET"}
    others = {action for each in statements for action in each.actions} - {"execute-api:Invoke"}
    assert others == {
        "kms:Decrypt",
        "kms:GetPublicKey",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
    }


def test_one_function_signs_and_its_key_stays_when_the_stack_goes(template: Template) -> None:
    [(name, key)] = [
        (name, key)
        for name, key in template.of_type("AWS::KMS::Key").items()
        if key["Properties"].get("KeyUsage") == "SIGN_VERIFY"
    ]
    assert name.startswith("SigningKey")
    assert key["Properties"]["KeySpec"] == "RSA_3072"
    assert key["DeletionPolicy"] == "Retain"
    assert [name for name, grants in GRANTS.items() if grants.signs] == ["reconcile"]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.APPROVER])
def test_makers_and_approvers_call_the_api_only(template: Template, role: Role) -> None:
    actions = {each for s in _statements(template, f"huimin-{role}") for each in s.actions}
    assert actions == {"execute-api:Invoke"}


@pytest.mark.parametrize("role", ["operator", "approver", "auditor"])
def test_a_bureau_role_needs_a_second_factor_and_ones_own_name(
    template: Template, role: str
) -> None:
    """The session's name is the person of the four-eyes rule: it must not be chosen freely."""
    (statement,) = _role(template, f"huimin-{role}")[1]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "StringEquals": {"sts:RoleSessionName": "${aws:username}"},
    }
    assert template.text(statement["Principal"]["AWS"]) == (
        "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"
    )


@pytest.mark.parametrize("platform_id", PLATFORMS)
def test_a_platform_has_the_platform_plane_and_its_own_folders(
    template: Template, platform_id: str
) -> None:
    statements = _statements(template, f"huimin-platform-{platform_id}")
    assert _calls(statements, "Allow") == {("*", "/v1/*")}
    assert _calls(statements, "Deny") == {("*", "/v1/admin/*")}
    on_files = {
        (action, re.sub(r"<FilesBucket\w+\.Arn>", "", resource))
        for each in statements
        for action in each.actions
        for resource in each.resources
        if action.startswith("s3:")
    }
    assert on_files == {
        ("s3:PutObject", f"/bills/{platform_id}/*"),
        ("s3:GetObject", f"/settlements/{platform_id}/*"),
    }


@pytest.mark.parametrize(("platform_id", "account"), PLATFORMS.items())
def test_only_its_own_account_takes_a_platforms_role(
    template: Template, platform_id: str, account: str
) -> None:
    role = _role(template, f"huimin-platform-{platform_id}")[1]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert template.text(statement["Principal"]["AWS"]) == (
        f"arn:<AWS::Partition>:iam::{account}:root"
    )


def test_the_master_secret_is_generated_and_kept(template: Template) -> None:
    """What `functions.shared.edge.secrets` reads; nobody ever sees or types it."""
    ((_, secret),) = template.of_type("AWS::SecretsManager::Secret").items()
    generated = secret["Properties"]["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "master"
    assert generated["SecretStringTemplate"] == '{"version": 1}'
    assert generated["PasswordLength"] == 64
    assert "SecretString" not in secret["Properties"]
    assert template.text(secret["Properties"]["KmsKeyId"]).startswith("<TablesKey")
    assert secret["DeletionPolicy"] == "Retain"


def test_nothing_names_a_partition_or_a_region(template: Template) -> None:
    """One template for aws and aws-cn."""
    text = template.path.read_text()
    for given in PLATFORM_BUSES.values():
        text = text.replace(given, "")
    assert "arn:aws" not in text
    assert not re.search(r"\b(cn|us|eu|ap)-[a-z]+-\d\b", text)

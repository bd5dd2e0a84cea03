"""Each function: its size, its environment and exactly its grants."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

from functions.shared.store.tables import MODELS, table_suffix
from infra.grants import GRANTS
from tests.infra.template import Statement, Template

FUNCTIONS = (
    "campaign",
    "day",
    "earn",
    "files",
    "finance",
    "grant",
    "issue",
    "publish",
    "reconcile",
    "redeem",
    "report",
)
API_GATEWAY_LIMIT_S = 29
_STATES = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
MACHINE = f"{_STATES}:stateMachine:huimin-day"


@pytest.fixture(scope="module")
def functions(template: Template) -> dict[str, dict[str, Any]]:
    named = template.named("AWS::Lambda::Function", "FunctionName")
    return {name.removeprefix("huimin-"): made for name, made in named.items()}


def test_there_are_those_and_no_helper_of_cdk(
    template: Template, functions: dict[str, dict[str, Any]]
) -> None:
    assert sorted(functions) == sorted(FUNCTIONS) == sorted(GRANTS)
    assert len(template.of_type("AWS::Lambda::Function")) == len(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_runs_as_it_should(functions: dict[str, dict[str, Any]], name: str) -> None:
    made = functions[name]
    assert made["Architectures"] == ["arm64"]
    assert made["Runtime"] == "python3.13"
    assert made["LoggingConfig"]["LogFormat"] == "JSON"
    assert "TracingConfig" not in made
    if name in ("day", "reconcile", "report"):
        assert made["Timeout"] == 900
        assert made["MemorySize"] >= 2048
        assert made["ReservedConcurrentExecutions"] >= 1
    elif name != "publish":
        assert made["Timeout"] < API_GATEWAY_LIMIT_S
        # Grants must not take the concurrency that claims need.
        assert ("ReservedConcurrentExecutions" in made) == (name == "grant")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_is_there(functions: dict[str, dict[str, Any]], name: str) -> None:
    module, _, attribute = functions[name]["Handler"].rpartition(".")
    own = f"functions.{name}.handler"
    assert module == ("functions.reconcile.day_handler" if name == "day" else own)
    assert callable(getattr(importlib.import_module(module), attribute))


def test_all_but_those_with_the_engine_share_one_asset(
    functions: dict[str, dict[str, Any]],
) -> None:
    codes = {name: str(made["Code"]) for name, made in functions.items()}
    own = {codes.pop("reconcile"), codes.pop("day")}
    assert len(own) == len(set(codes.values())) == 1
    assert not own & set(codes.values())


def test_no_environment_holds_a_secret(
    template: Template, functions: dict[str, dict[str, Any]]
) -> None:
    """Names, ARNs and references only: a variable is readable by whoever may see the function."""
    allowed = re.compile(
        r"huimin-|[0-9]+|<Files(?:Bucket|Work)\w+>|<MACHINE>|<HashingKeys\w+\.Id>|<Bus\w+>"
        r"|<SigningKey\w+\.Arn>"
        r'|\{"approver": "<\w+\.Arn>", "auditor": "<\w+\.Arn>", "operator": "<\w+\.Arn>"\}'
    )
    for made in functions.values():
        for name, value in made["Environment"]["Variables"].items():
            assert name.startswith("HUIMIN_")
            text = template.text(value).replace(MACHINE, "<MACHINE>")
            assert allowed.fullmatch(text), (name, value)


def test_logs_are_kept_for_a_year(template: Template, functions: dict[str, dict[str, Any]]) -> None:
    groups = template.of_type("AWS::Logs::LogGroup")
    for name, made in functions.items():
        group = groups[made["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["Properties"]["LogGroupName"] == f"/aws/lambda/huimin-{name}"
        assert group["Properties"]["RetentionInDays"] == 365


def _statements(template: Template, name: str) -> list[Statement]:
    role = template.named("AWS::IAM::Role", "RoleName")[f"huimin-{name}-function"]
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    return list(template.statements(policy["PolicyDocument"]))


def test_no_role_of_a_function_has_a_policy_besides_its_own(template: Template) -> None:
    """A policy attached from elsewhere would be a grant that the table does not show."""
    attached = {
        template.text(role)
        for policy in template.properties("AWS::IAM::Policy")
        for role in policy["Roles"]
    }
    roles = template.of_type("AWS::IAM::Role")
    of_functions = {
        f"<{logical_id}>"
        for logical_id, role in roles.items()
        if str(role["Properties"].get("RoleName", "")).endswith("-function")
    }
    assert len(of_functions) == len(FUNCTIONS)
    assert not attached & of_functions


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_what_the_table_of_grants_says_and_no_more(
    template: Template, name: str
) -> None:
    tables = {
        f"<{logical_id}.Arn>": resource["Properties"]["TableName"].removeprefix("huimin-")
        for logical_id, resource in template.of_type("AWS::DynamoDB::Table").items()
    }
    streams = {arn.replace(".Arn>", ".StreamArn>"): name for arn, name in tables.items()}
    on_tables: dict[str, set[str]] = {}
    on_indexes: dict[str, set[str]] = {}
    on_files: dict[str, set[str]] = {}
    on_streams: dict[str, set[str]] = {}
    others: set[tuple[str, str]] = set()
    for statement in _statements(template, name):
        assert statement.effect == "Allow"
        for resource in statement.resources:
            for action in statement.actions:
                service, _, verb = action.partition(":")
                index = re.fullmatch(r"(<\w+\.Arn>)/index/(\w+)", resource)
                file = re.fullmatch(r"<FilesBucket\w+\.Arn>/([a-z/]+)/\*", resource)
                if index:
                    assert action == "dynamodb:Query"
                    on_indexes.setdefault(tables[index[1]], set()).add(index[2])
                elif resource in streams:
                    on_streams.setdefault(streams[resource], set()).add(verb)
                elif service == "dynamodb":
                    on_tables.setdefault(tables[resource], set()).add(verb)
                elif file:
                    assert service == "s3"
                    on_files.setdefault(file[1], set()).add(verb)
                else:
                    others.add((action, re.sub(r"[0-9A-F]{8}(?=[.>])", "", resource)))
    grants = GRANTS[name]
    assert on_tables == {table: set(actions) for table, actions in grants.tables.items()}
    assert on_indexes == {table: set(names) for table, names in grants.indexes.items()}
    assert on_files == {folder: set(actions) for folder, actions in grants.files.items()}
    reading = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    assert on_streams == dict.fromkeys(grants.streams, reading)
    assert others == _expected_others(name)


def _expected_others(name: str) -> set[tuple[str, str]]:
    grants = GRANTS[name]
    construct = f"Functions{name.capitalize()}"
    expected = {
        (f"logs:{verb}", f"<{construct}Log.Arn>") for verb in ("CreateLogStream", "PutLogEvents")
    }
    expected |= {
        (f"kms:{verb}", "<TablesKey.Arn>")
        for verb in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")
    }
    if grants.files:
        expected |= {(f"kms:{verb}", "<FilesKey.Arn>") for verb in ("Decrypt", "GenerateDataKey")}
        expected.add(("s3:ListBucket", "<FilesBucket.Arn>"))
    if grants.secret:
        expected.add(("secretsmanager:GetSecretValue", "<HashingKeys.Id>"))
    if grants.publishes:
        expected.add(("events:PutEvents", "<Bus.Arn>"))
    if grants.work:
        expected |= {(f"s3:{verb}", "<FilesWork.Arn>/days/*") for verb in grants.work}
        expected.add(("s3:ListBucket", "<FilesWork.Arn>"))
    if grants.starts_days:
        expected.add(("states:StartExecution", MACHINE))
        expected.add(("states:DescribeExecution", f"{_STATES}:execution:huimin-day:*"))
    if grants.signs:
        expected |= {(f"kms:{verb}", "<SigningKey.Arn>") for verb in ("GetPublicKey", "Sign")}
    if name in ("publish", "reconcile", "report"):
        expected.add(("sqs:SendMessage", f"<{construct}DeadLettersQueue.Arn>"))
    return expected


def test_grants_name_tables_that_exist() -> None:
    suffixes = {table_suffix(model) for model in MODELS}
    for grants in GRANTS.values():
        assert grants.tables.keys() | grants.indexes.keys() <= suffixes


def test_asynchronous_failures_end_in_the_dead_letters(template: Template) -> None:
    configured = {
        template.text(each["FunctionName"]): each
        for each in template.properties("AWS::Lambda::EventInvokeConfig")
    }
    assert len(configured) == 3
    for function, made in configured.items():
        queue = template.text(made["DestinationConfig"]["OnFailure"]["Destination"])
        assert "DeadLettersQueue" in queue
        assert function.split("Function")[1][:6] in queue

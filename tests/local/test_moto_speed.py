"""moto made quick answers as moto does: the same answers, the same errors, the same tables.

Each program of the property test is played twice on tables made anew, once on moto as it comes
and once inside `quick_moto`; everything that a client can see is compared.
"""

from __future__ import annotations

import copy
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import moto.core.responses
import moto.dynamodb.models
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.core.base_backend import BaseBackend
from moto.core.serialize import JSONSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import SecondaryIndex, Table
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined] # moto has no types here
    DepthFirstTraverser,
)
from moto.dynamodb.parsing.expressions import (  # type: ignore[attr-defined] # moto has no types here
    UpdateExpressionParser,
)

from infra.local.moto_speed import LocalTable, quick_moto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "cn-north-1"
WALLETS = "wallets"
ENTRIES = "entries"
Call = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client(
            "dynamodb",
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


def keys(hash_key: str, range_key: str | None = None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if range_key:
        schema.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return schema


@contextmanager
def tables(client: Any) -> Iterator[None]:  # noqa: ANN401 - boto3's clients have no static type
    """Wallets: a hash key only. Entries: a range key, and indexes of each projection."""
    client.create_table(
        TableName=WALLETS,
        KeySchema=keys("wallet"),
        AttributeDefinitions=[
            {"AttributeName": "wallet", "AttributeType": "S"},
            {"AttributeName": "owner", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": keys("owner"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.create_table(
        TableName=ENTRIES,
        KeySchema=keys("account", "number"),
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (("account", "S"), ("number", "N"), ("day", "S"), ("amount", "N"))
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_day",
                "KeySchema": keys("day", "amount"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note", "more"]},
            },
            {
                "IndexName": "all_by_day",
                "KeySchema": keys("day"),
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    try:
        yield
    finally:
        client.delete_table(TableName=WALLETS)
        client.delete_table(TableName=ENTRIES)


def seed(client: Any) -> None:  # noqa: ANN401 - boto3's clients have no static type
    """Some items to meet, so that programs need not begin with many puts."""
    for wallet, owner in (("a", "li"), ("b", "na")):
        client.put_item(
            TableName=WALLETS,
            Item={"wallet": {"S": wallet}, "owner": {"S": owner}, "balance": {"N": "5"}},
        )
    for number, (account, day) in enumerate((("a", "mon"), ("a", "tue"), ("b", "tue")), start=1):
        client.put_item(
            TableName=ENTRIES,
            Item={
                "account": {"S": account},
                "number": {"N": str(number)},
                "day": {"S": day},
                "amount": {"N": str(number)},
                "balance": {"N": "5"},
                "note": {"L": [{"S": "first"}]},
            },
        )


def outcome(client: Any, call: Call) -> object:  # noqa: ANN401 - boto3's clients have no static type
    """All that a client sees of a call, but for ids and clocks."""
    name, arguments = call
    try:
        answer = getattr(client, name)(**copy.deepcopy(arguments))
    except ClientError as error:
        answer = error.response
    except Exception as error:  # noqa: BLE001 - moto's own faults must come out as they do in moto
        return type(error).__name__, str(error)
    answer["ResponseMetadata"] = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer


def play(client: Any, calls: list[Call]) -> list[object]:  # noqa: ANN401 - as above
    """The outcome of each call, and all items at the end."""
    with tables(client):
        seed(client)
        outcomes = [outcome(client, call) for call in calls]
        outcomes += [outcome(client, ("scan", {"TableName": name})) for name in (WALLETS, ENTRIES)]
        outcomes += [
            outcome(client, ("scan", {"TableName": table, "IndexName": index}))
            for table, index in ((WALLETS, "by_owner"), (ENTRIES, "by_day"))
        ]
        return outcomes


# What the programs are made of. Few keys, so that they meet; some requests are wrong on purpose.
WALLET_IDS = st.sampled_from(["a", "b", "c"])
NUMBERS = st.sampled_from(["1", "2", "10", "-3"])
DAYS = st.sampled_from(["mon", "tue"])
scalars = st.one_of(
    st.builds(lambda text: {"S": text}, st.sampled_from(["", "x", "惠民"])),
    st.builds(
        lambda number: {"N": number}, st.sampled_from(["0", "7", "-12", "1.50", "1E+3", "007"])
    ),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
)
values = st.one_of(
    scalars,
    st.builds(lambda items: {"L": items}, st.lists(scalars, max_size=3)),
    st.builds(
        lambda items: {"M": items}, st.dictionaries(st.sampled_from("SMp"), scalars, max_size=2)
    ),
    st.just({"SS": ["p", "q"]}),
    st.just({"NS": ["1", "2"]}),
    st.just({"B": b"\x00\xff"}),
)
wallet_keys = st.builds(lambda wallet: {"wallet": {"S": wallet}}, WALLET_IDS)
entry_keys = st.builds(
    lambda account, number: {"account": {"S": account}, "number": {"N": number}},
    WALLET_IDS,
    NUMBERS,
)
wrong_keys = st.sampled_from(
    [
        {"wallet": {"N": "1"}},
        {"wallet": {"L": []}},
        {"wallet": {"S": ""}},
        {"account": {"S": "a"}},
        {"account": {"S": "a"}, "number": {"S": "1"}},
        {},
    ]
)
details = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from([{"S": "li"}, {"S": "na"}]),
        "balance": st.sampled_from([{"N": "0"}, {"N": "5"}, {"S": "none"}]),
        "day": DAYS.map(lambda day: {"S": day}),
        "amount": NUMBERS.map(lambda number: {"N": number}),
        "note": values,
        "more": values,
    },
)
targets = st.one_of(
    st.tuples(st.just(WALLETS), wallet_keys),
    st.tuples(st.just(ENTRIES), entry_keys),
)


def mostly(right: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is right seven times in eight: a program of refusals alone would prove little."""
    return st.sampled_from([right] * 7 + [wrong]).flatmap(lambda either: either)


targets_or_wrong = mostly(
    targets,
    st.one_of(
        st.tuples(st.sampled_from([WALLETS, ENTRIES]), wrong_keys),
        st.tuples(st.just("no-such-table"), wallet_keys),
    ),
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"ConditionExpression": "attribute_not_exists(wallet) AND attribute_not_exists(account)"},
    {"ConditionExpression": "attribute_exists(wallet) OR attribute_exists(account)"},
    {
        "ConditionExpression": "attribute_not_exists(#b) OR #b < :cap",
        "ExpressionAttributeNames": {"#b": "balance"},
        "ExpressionAttributeValues": {":cap": {"N": "6"}},
    },
    {
        "ConditionExpression": "NOT (#b = :five)",
        "ExpressionAttributeNames": {"#b": "balance"},
        "ExpressionAttributeValues": {":five": {"N": "5"}},
    },
)
WRONG_CONDITIONS: tuple[dict[str, Any], ...] = (
    {"ConditionExpression": "balance >"},
    {"ConditionExpression": "size > balance"},
    {"ConditionExpression": "balance = :missing"},
    {"ConditionExpression": "day = balance"},
)
UPDATES: tuple[dict[str, Any], ...] = (
    {"UpdateExpression": "ADD balance :n", "ExpressionAttributeValues": {":n": {"N": "1"}}},
    {"UpdateExpression": "ADD balance :n", "ExpressionAttributeValues": {":n": {"N": "-2"}}},
    {
        "UpdateExpression": "SET #d = :day, amount = :n",
        "ExpressionAttributeNames": {"#d": "day"},
        "ExpressionAttributeValues": {":day": {"S": "tue"}, ":n": {"N": "4"}},
    },
    {
        "UpdateExpression": "SET note = list_append(if_not_exists(note, :none), :one)",
        "ExpressionAttributeValues": {":none": {"L": []}, ":one": {"L": [{"S": "seen"}]}},
    },
    {
        "UpdateExpression": "REMOVE #d SET owner = :o",
        "ExpressionAttributeNames": {"#d": "day"},
        "ExpressionAttributeValues": {":o": {"S": "na"}},
    },
)
WRONG_UPDATES: tuple[dict[str, Any], ...] = (
    {"UpdateExpression": "SET note.p = :n", "ExpressionAttributeValues": {":n": {"N": "9"}}},
    {"UpdateExpression": "SET balance = :missing"},
    {"UpdateExpression": "SET wallet = :n", "ExpressionAttributeValues": {":n": {"S": "z"}}},
    {
        "UpdateExpression": "SET amount = :n",
        "ExpressionAttributeValues": {":n": {"S": "no number"}},
    },
    {
        "UpdateExpression": "SET note = :n, note = :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    },
    {
        "UpdateExpression": "SET more = :n",
        "ExpressionAttributeValues": {":n": {"S": "too large " * 45_000}},
    },
)


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """One operation from its parts; names and values of both expressions together."""
    operation: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            both = isinstance(value, dict) and name.startswith("Expression")
            operation[name] = {**operation.get(name, {}), **value} if both else value
    return operation


def target_parts(target: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"TableName": target[0], "Key": target[1]}


conditions = mostly(
    st.sampled_from([{}, *CONDITIONS]),
    st.sampled_from(WRONG_CONDITIONS),
)
reasons = st.sampled_from([{}, {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}])
puts = st.builds(
    lambda target, attributes, condition, reason: merged(
        {"TableName": target[0], "Item": {**attributes, **target[1]}}, condition, reason
    ),
    targets_or_wrong,
    details,
    conditions,
    reasons,
)
updates = st.builds(
    lambda target, update, condition, reason: merged(
        target_parts(target), update, condition, reason
    ),
    targets_or_wrong,
    mostly(st.sampled_from(UPDATES), st.sampled_from(WRONG_UPDATES)),
    conditions,
    reasons,
)
deletes = st.builds(
    lambda target, condition, reason: merged(target_parts(target), condition, reason),
    targets_or_wrong,
    conditions,
    reasons,
)
checks = st.builds(
    lambda target, condition, reason: merged(target_parts(target), condition, reason),
    targets,
    st.sampled_from(CONDITIONS),
    reasons,
)
operations = st.one_of(
    puts.map(lambda part: {"Put": part}),
    updates.map(lambda part: {"Update": part}),
    deletes.map(lambda part: {"Delete": part}),
    checks.map(lambda part: {"ConditionCheck": part}),
)
transactions = st.builds(
    lambda items: ("transact_write_items", {"TransactItems": items}),
    st.lists(operations, min_size=1, max_size=4),
)
queries = st.one_of(
    st.builds(
        lambda account, forward, limit: {
            "TableName": ENTRIES,
            "KeyConditionExpression": "account = :a AND #n > :low",
            "ExpressionAttributeNames": {"#n": "number"},
            "ExpressionAttributeValues": {":a": {"S": account}, ":low": {"N": "-1"}},
            "ScanIndexForward": forward,
            "Limit": limit,
        },
        WALLET_IDS,
        st.booleans(),
        st.integers(1, 3),
    ),
    st.builds(
        lambda wallet: {
            "TableName": WALLETS,
            "KeyConditionExpression": "wallet = :w",
            "ExpressionAttributeValues": {":w": {"S": wallet}},
        },
        WALLET_IDS,
    ),
    st.builds(
        lambda owner: {
            "TableName": WALLETS,
            "IndexName": "by_owner",
            "KeyConditionExpression": "#o = :o",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":o": {"S": owner}},
        },
        st.sampled_from(["li", "na", "nobody"]),
    ),
    st.builds(
        lambda day, forward, limit, start: {
            "TableName": ENTRIES,
            "IndexName": "by_day",
            "KeyConditionExpression": "#d = :d",
            "ExpressionAttributeNames": {"#d": "day"},
            "ExpressionAttributeValues": {":d": {"S": day}},
            "ScanIndexForward": forward,
            "Limit": limit,
            **start,
        },
        DAYS,
        st.booleans(),
        st.integers(1, 4),
        st.sampled_from(
            [
                {},
                {
                    "ExclusiveStartKey": {
                        "day": {"S": "tue"},
                        "amount": {"N": "2"},
                        "account": {"S": "b"},
                        "number": {"N": "2"},
                    }
                },
            ]
        ),
    ),
    st.builds(
        lambda day: {
            "TableName": ENTRIES,
            "IndexName": "all_by_day",
            "KeyConditionExpression": "#d = :d",
            "FilterExpression": "attribute_exists(balance)",
            "ProjectionExpression": "account, balance, note",
            "ExpressionAttributeNames": {"#d": "day"},
            "ExpressionAttributeValues": {":d": {"S": day}},
        },
        DAYS,
    ),
    st.just(
        {
            "TableName": ENTRIES,
            "IndexName": "no_such_index",
            "KeyConditionExpression": "day = :d",
            "ExpressionAttributeValues": {":d": {"S": "mon"}},
        }
    ),
)
writes = mostly(
    transactions,
    st.one_of(
        puts.map(lambda arguments: ("put_item", arguments)),
        updates.map(lambda arguments: ("update_item", {**arguments, "ReturnValues": "ALL_NEW"})),
        deletes.map(lambda arguments: ("delete_item", {**arguments, "ReturnValues": "ALL_OLD"})),
    ),
)
reads = mostly(
    queries.map(lambda arguments: ("query", arguments)),
    st.one_of(
        targets_or_wrong.map(lambda target: ("get_item", target_parts(target))),
        st.lists(targets, min_size=1, max_size=3).map(
            lambda found: (
                "transact_get_items",
                {"TransactItems": [{"Get": target_parts(target)} for target in found]},
            )
        ),
    ),
)
programs = st.lists(st.tuples(writes, reads), min_size=4, max_size=10).map(
    lambda steps: [call for step in steps for call in step]
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(programs)
def test_every_answer_and_every_table_is_what_moto_makes_it(
    client: Any,  # noqa: ANN401 - boto3's clients have no static type
    calls: list[Call],
) -> None:
    expected = play(client, calls)
    with quick_moto():
        assert play(client, calls) == expected


WALLET_A = {"wallet": {"S": "a"}}
ENTRY_A1 = {"account": {"S": "a"}, "number": {"N": "1"}}
ENTRY_A2 = {"account": {"S": "a"}, "number": {"N": "2"}}
ENTRY_B3 = {"account": {"S": "b"}, "number": {"N": "3"}}
MOVES_AND_COUNTS: list[dict[str, Any]] = [
    {
        "Update": {
            "TableName": WALLETS,
            "Key": WALLET_A,
            "UpdateExpression": "SET #o = :o ADD balance :n",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":o": {"S": "na"}, ":n": {"N": "-1"}},
        }
    },
    {
        "Update": {
            "TableName": ENTRIES,
            "Key": ENTRY_A1,
            "UpdateExpression": "SET #d = :d, note = list_append(note, :more)",
            "ExpressionAttributeNames": {"#d": "day"},
            "ExpressionAttributeValues": {":d": {"S": "tue"}, ":more": {"L": [{"S": "second"}]}},
        }
    },
    {"Delete": {"TableName": ENTRIES, "Key": ENTRY_B3}},
    {
        "Put": {
            "TableName": ENTRIES,
            "Item": {
                "account": {"S": "c"},
                "number": {"N": "9"},
                "day": {"S": "tue"},
                "amount": {"N": "9"},
            },
        }
    },
]


def everything(client: Any) -> list[list[dict[str, Any]]]:  # noqa: ANN401 - boto3's clients have no static type
    """All items, and what each index gives for each of its hash keys."""
    found = [client.scan(TableName=name)["Items"] for name in (WALLETS, ENTRIES)]
    for table, index, attribute, values in (
        (WALLETS, "by_owner", "owner", ("li", "na")),
        (ENTRIES, "by_day", "day", ("mon", "tue")),
        (ENTRIES, "all_by_day", "day", ("mon", "tue")),
    ):
        found += [
            client.query(
                TableName=table,
                IndexName=index,
                KeyConditionExpression="#a = :v",
                ExpressionAttributeNames={"#a": attribute},
                ExpressionAttributeValues={":v": {"S": value}},
            )["Items"]
            for value in values
        ]
    return found


@pytest.fixture
def quick(client: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's clients have no static type
    """A client of quick tables with the seed in them, whose indexes were asked before."""
    with quick_moto(), tables(client):
        seed(client)
        everything(client)
        yield client


CHANGED_SINCE = {
    "ConditionCheck": {
        "TableName": WALLETS,
        "Key": {"wallet": {"S": "b"}},
        "ConditionExpression": "balance > :cap",
        "ExpressionAttributeValues": {":cap": {"N": "100"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
}


def update_wallet(wallet: str, expression: str, value: dict[str, str]) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": WALLETS,
            "Key": {"wallet": {"S": wallet}},
            "UpdateExpression": expression,
            "ExpressionAttributeValues": {":v": value},
        }
    }


@pytest.mark.parametrize(
    ("last", "code"),
    [
        pytest.param(CHANGED_SINCE, "TransactionCanceledException", id="a condition fails"),
        pytest.param(
            update_wallet("b", "SET wallet = :v", {"S": "z"}),
            "ValidationException",
            id="an update of a key",
        ),
        pytest.param(
            update_wallet("a", "SET balance = :v", {"N": "0"}),
            "ValidationException",
            id="one item twice",
        ),
        pytest.param(
            update_wallet("b", "ADD owner :v", {"N": "1"}),
            "ValidationException",
            id="a sum of text and a number",
        ),
    ],
)
def test_a_refused_transaction_leaves_tables_and_indexes_as_they_were(
    quick: Any,  # noqa: ANN401 - boto3's clients have no static type
    last: dict[str, Any],
    code: str,
) -> None:
    before = everything(quick)
    with pytest.raises(ClientError) as refused:
        quick.transact_write_items(TransactItems=[*MOVES_AND_COUNTS, last])
    assert refused.value.response["Error"]["Code"] == code
    assert everything(quick) == before
    quick.transact_write_items(TransactItems=MOVES_AND_COUNTS)
    assert everything(quick) != before


def test_reasons_come_in_order_and_carry_the_old_item(quick: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises(ClientError) as refused:
        quick.transact_write_items(TransactItems=[*MOVES_AND_COUNTS, CHANGED_SINCE])
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == [*["None"] * 4, "ConditionalCheckFailed"]
    assert reasons[-1]["Item"]["balance"] == {"N": "5"}


def test_a_committed_transaction_is_seen_in_tables_and_indexes(quick: Any) -> None:  # noqa: ANN401 - as above
    quick.transact_write_items(TransactItems=MOVES_AND_COUNTS)
    wallets, entries, of_li, of_na, monday, tuesday, *_ = everything(quick)
    assert [wallet["balance"]["N"] for wallet in wallets] == ["4", "5"]
    assert [entry["account"]["S"] for entry in entries] == ["a", "a", "c"]
    assert (of_li, len(of_na)) == ([], 2)
    assert monday == []
    assert [entry["amount"]["N"] for entry in tuesday] == ["1", "2", "9"]
    assert tuesday[0]["note"] == {"L": [{"S": "first"}, {"S": "second"}]}
    assert "balance" not in tuesday[0]


def test_the_same_condition_is_read_anew_with_other_names_and_values(quick: Any) -> None:  # noqa: ANN401 - as above
    def holds(attribute: str, cap: str) -> bool:
        try:
            quick.transact_write_items(
                TransactItems=[
                    {
                        "ConditionCheck": {
                            "TableName": ENTRIES,
                            "Key": ENTRY_A2,
                            "ConditionExpression": "#c < :cap",
                            "ExpressionAttributeNames": {"#c": attribute},
                            "ExpressionAttributeValues": {":cap": {"N": cap}},
                        }
                    }
                ]
            )
        except quick.exceptions.TransactionCanceledException:
            return False
        return True

    assert [holds("amount", "3"), holds("amount", "1"), holds("amount", "3")] == [True, False, True]
    assert [holds("balance", "3"), holds("balance", "6")] == [False, True]


def test_an_item_of_more_than_400_kb_is_refused(quick: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises(ClientError, match="Item size has exceeded"):
        quick.put_item(
            TableName=WALLETS, Item={"wallet": {"S": "big"}, "note": {"S": "x" * 406_000}}
        )
    assert "Item" not in quick.get_item(TableName=WALLETS, Key={"wallet": {"S": "big"}})


def fill(client: Any, count: int) -> None:  # noqa: ANN401 - boto3's clients have no static type
    backend = moto.dynamodb.models.dynamodb_backends["123456789012"][REGION]
    for number in range(100, 100 + count):
        backend.put_item(
            ENTRIES,
            {
                "account": {"S": f"filler-{number % 7}"},
                "number": {"N": str(number)},
                "day": {"S": "sun"},
                "amount": {"N": "1"},
            },
        )
    assert client.describe_table(TableName=ENTRIES)["Table"]["ItemCount"] == count + 3


def test_the_work_of_a_transaction_and_of_a_query_does_not_grow_with_the_table(quick: Any) -> None:  # noqa: ANN401 - as above
    def work() -> int:
        """How often values are compared or copied, the dearest of what moto does."""
        count = 0

        def counting(original: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*args: object) -> object:
                nonlocal count
                count += 1
                return original(*args)

            return counted

        with ExitStack() as watched:
            for name in ("__deepcopy__", "__eq__", "__ne__", "__lt__"):
                watched.enter_context(
                    patch.object(DynamoType, name, counting(getattr(DynamoType, name)))
                )
            with pytest.raises(ClientError):
                quick.transact_write_items(TransactItems=[*MOVES_AND_COUNTS, CHANGED_SINCE])
            quick.query(
                TableName=ENTRIES,
                IndexName="by_day",
                KeyConditionExpression="#d = :d",
                ExpressionAttributeNames={"#d": "day"},
                ExpressionAttributeValues={":d": {"S": "mon"}},
            )
            quick.query(
                TableName=ENTRIES,
                KeyConditionExpression="account = :a",
                ExpressionAttributeValues={":a": {"S": "a"}},
            )
        return count

    before = work()
    fill(quick, 500)
    everything(quick)
    assert work() <= before + 10


def test_moto_is_put_back_as_it_was() -> None:
    def state() -> list[object]:
        return [
            vars(moto.dynamodb.models)["Table"],
            vars(moto.core.responses)["method_names_from_class"],
            DynamoDBBackend.transact_write_items,
            vars(BaseBackend).get("urls"),
            vars(UpdateExpressionParser).get("make"),
            vars(ConditionExpressionParser).get("parse"),
            vars(JSONSerializer).get("_serialize_type_structure"),
            vars(SecondaryIndex).get("project"),
            vars(DepthFirstTraverser).get("nodes_to_be_processed"),
            vars(Item).get("__init__"),
            vars(Item).get("__new__"),
        ]

    before = state()
    with quick_moto():
        assert all(now is not then for now, then in zip(state(), before, strict=True))
        assert state()[0] is LocalTable
    assert state() == before
    assert before[0] is Table


def test_a_backup_is_a_whole_copy(quick: Any) -> None:  # noqa: ANN401 - as above
    arn = quick.create_backup(TableName=ENTRIES, BackupName="before")["BackupDetails"]["BackupArn"]
    before = quick.scan(TableName=ENTRIES)["Items"]
    quick.delete_item(TableName=ENTRIES, Key=ENTRY_A1)
    quick.restore_table_from_backup(TargetTableName="restored", BackupArn=arn)
    assert quick.scan(TableName="restored")["Items"] == before
    quick.delete_table(TableName="restored")


def test_an_index_gives_values_as_moto_writes_them(client: Any) -> None:  # noqa: ANN401 - as above
    odd = [{"N": "007"}, {"N": "-0"}, {"M": {"p": {"N": "01"}}}, {"B": b"\x00"}, {"NULL": True}]
    calls: list[Call] = [
        (
            "put_item",
            {
                "TableName": ENTRIES,
                "Item": {
                    "account": {"S": "odd"},
                    "number": {"N": str(number)},
                    "day": {"S": "odd"},
                    "amount": {"N": "1"},
                    "note": value,
                },
            },
        )
        for number, value in enumerate(odd)
    ]
    calls.append(
        (
            "query",
            {
                "TableName": ENTRIES,
                "IndexName": "by_day",
                "KeyConditionExpression": "#d = :d",
                "ExpressionAttributeNames": {"#d": "day"},
                "ExpressionAttributeValues": {":d": {"S": "odd"}},
            },
        )
    )
    expected = play(client, calls)
    assert sum("'note'" in str(answer) for answer in expected) > 1
    with quick_moto():
        assert play(client, calls) == expected


def test_a_table_with_a_stream_is_rolled_back_whole(client: Any) -> None:  # noqa: ANN401 - as above
    with quick_moto(), tables(client):
        client.update_table(
            TableName=WALLETS,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        seed(client)
        backend = moto.dynamodb.models.dynamodb_backends["123456789012"][REGION]

        def records() -> int:
            shard = backend.tables[WALLETS].stream_shard
            assert shard is not None
            return len(shard.items)

        before = everything(client), records()
        with pytest.raises(ClientError):
            client.transact_write_items(TransactItems=[*MOVES_AND_COUNTS, CHANGED_SINCE])
        assert (everything(client), records()) == before


def test_many_threads_may_read_an_index_at_once(quick: Any) -> None:  # noqa: ANN401 - as above
    """As the reconciler reads a day: an item that is handed out is filed again meanwhile."""
    for number in range(40):
        item = {"account": {"S": f"a-{number}"}, "number": {"N": "1"}, "day": {"S": "monday"}}
        quick.put_item(TableName=ENTRIES, Item=item | {"amount": {"N": "1"}})
    asked = {
        "TableName": ENTRIES,
        "IndexName": "all_by_day",
        "KeyConditionExpression": "#d = :d",
        "ExpressionAttributeNames": {"#d": "day"},
        "ExpressionAttributeValues": {":d": {"S": "monday"}},
    }

    def read(number: int) -> int:
        key = {"account": {"S": f"a-{number % 40}"}, "number": {"N": "1"}}
        quick.get_item(TableName=ENTRIES, Key=key)
        return int(quick.query(**asked)["Count"])

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as readers:
            assert set(readers.map(read, range(400))) == {40}
    finally:
        sys.setswitchinterval(before)

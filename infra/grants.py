"""What each function may do: one table, from which its IAM role is made.

A test reads the policies of the synthesized template back and compares them with this table, and
the end-to-end run has them enforced. A line is here because a use case calls it; when the call
goes, so does the line. A transaction needs no action of its own: each of its items is checked as
the single write it is, a condition check as ConditionCheckItem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, frozenset[str]] = MappingProxyType({})


def _each(**actions: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({name: frozenset(text.split()) for name, text in actions.items()})


@dataclass(frozen=True, slots=True)
class FunctionGrants:
    """What one function may do.

    Args:
        tables: table suffix -> DynamoDB actions on the table.
        indexes: table suffix -> the indexes that it may query.
        files: first folder of the files bucket -> S3 actions on the objects under it; whoever has
            any may also list the bucket.
        secret: whether it may read the keys that persons and ids are hashed with.

    """

    tables: Mapping[str, frozenset[str]]
    indexes: Mapping[str, frozenset[str]] = field(default=_NONE)
    files: Mapping[str, frozenset[str]] = field(default=_NONE)
    secret: bool = False


GRANTS: Mapping[str, FunctionGrants] = MappingProxyType(
    {
        "campaign": FunctionGrants(
            tables=_each(
                campaigns="GetItem PutItem Scan UpdateItem",
                pools="GetItem PutItem Query UpdateItem",
                stock="BatchGetItem GetItem PutItem UpdateItem",
                merchants="GetItem PutItem Query",
                platforms="GetItem PutItem Scan UpdateItem",
                callers="DeleteItem GetItem PutItem UpdateItem",
            ),
        ),
        "issue": FunctionGrants(
            tables=_each(
                campaigns="ConditionCheckItem GetItem",
                pools="GetItem Query",
                callers="GetItem",
                stock="BatchGetItem GetItem UpdateItem",
                people="GetItem UpdateItem",
                vouchers="GetItem PutItem",
            ),
            secret=True,
        ),
        "redeem": FunctionGrants(
            tables=_each(
                campaigns="ConditionCheckItem GetItem",
                merchants="Query",
                callers="GetItem",
                stock="UpdateItem",
                people="GetItem UpdateItem",
                vouchers="BatchGetItem GetItem UpdateItem",
                ledger="GetItem PutItem Query UpdateItem",
            ),
            secret=True,
        ),
        "reconcile": FunctionGrants(
            tables=_each(
                campaigns="GetItem Scan UpdateItem",
                pools="GetItem PutItem Query UpdateItem",
                stock="BatchGetItem GetItem PutItem UpdateItem",
                vouchers="BatchGetItem GetItem UpdateItem",
                ledger="BatchGetItem GetItem Query",
                settlements="GetItem PutItem Query",
                breaks="GetItem PutItem Query UpdateItem",
                bills="GetItem PutItem Query UpdateItem",
                merchants="Query",
                platforms="GetItem Scan",
            ),
            indexes=_each(vouchers="by_issue_day", ledger="by_day"),
            files=_each(
                bills="GetObject GetObjectVersion",
                settlements="GetObject PutObject",
                returns="GetObject PutObject",
                breaks="GetObject PutObject",
                journal="GetObject PutObject",
            ),
            secret=True,
        ),
        "report": FunctionGrants(
            tables=_each(
                campaigns="GetItem Scan",
                pools="Query",
                ledger="Query",
                settlements="Query",
                merchants="Query",
                platforms="GetItem Scan",
            ),
            indexes=_each(vouchers="by_issue_day", ledger="by_day"),
            files=_each(reports="GetObject PutObject"),
        ),
    }
)

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

from functions.shared.store.changes import streamed_suffixes

_NONE: Mapping[str, frozenset[str]] = MappingProxyType({})


def _each(**actions: str) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({name: frozenset(text.split()) for name, text in actions.items()})


@dataclass(frozen=True, slots=True)
class FunctionGrants:
    """What one function may do.

    Args:
        tables: table suffix -> DynamoDB actions on the table.
        indexes: table suffix -> the indexes that it may query.
        files: folder of the files bucket -> S3 actions on the objects under it; whoever has any
            may also list the bucket.
        secret: whether it may read the keys that persons and ids are hashed with.
        streams: suffixes of the tables whose streams it reads.
        publishes: whether it may put events on the bus.
        work: S3 actions on the objects of the bucket of working files.
        starts_days: whether it may start the state machine of days, and ask after it.
        signs: whether it may sign with the signing key.

    """

    tables: Mapping[str, frozenset[str]]
    indexes: Mapping[str, frozenset[str]] = field(default=_NONE)
    files: Mapping[str, frozenset[str]] = field(default=_NONE)
    secret: bool = False
    streams: frozenset[str] = frozenset()
    publishes: bool = False
    work: frozenset[str] = frozenset()
    starts_days: bool = False
    signs: bool = False


GRANTS: Mapping[str, FunctionGrants] = MappingProxyType(
    {
        "campaign": FunctionGrants(
            tables=_each(
                campaigns="ConditionCheckItem GetItem PutItem Scan UpdateItem",
                pools="GetItem PutItem Query UpdateItem",
                stock="BatchGetItem PutItem UpdateItem",
                changes="GetItem PutItem Query UpdateItem",
                merchants="PutItem Query",
                platforms="GetItem PutItem",
                callers="GetItem PutItem",
                vouchers="GetItem UpdateItem",
                refusals="GetItem",
            ),
        ),
        "finance": FunctionGrants(
            tables=_each(
                campaigns="GetItem UpdateItem",
                callers="GetItem",
                breaks="GetItem PutItem",
                settlements="GetItem PutItem Query",
                vouchers="ConditionCheckItem GetItem",
            ),
            indexes=_each(breaks="unresolved"),
        ),
        "issue": FunctionGrants(
            tables=_each(
                campaigns="GetItem",
                pools="GetItem UpdateItem",
                callers="GetItem",
                stock="BatchGetItem UpdateItem",
                homes="UpdateItem",
                people="UpdateItem",
                vouchers="BatchGetItem GetItem PutItem",
            ),
            secret=True,
        ),
        "grant": FunctionGrants(
            tables=_each(
                campaigns="GetItem",
                pools="GetItem UpdateItem",
                callers="GetItem",
                stock="BatchGetItem UpdateItem",
                homes="UpdateItem",
                people="UpdateItem",
                vouchers="PutItem",
                grants="GetItem PutItem Query UpdateItem",
                grant_rows="GetItem PutItem Query UpdateItem",
                grant_parts="BatchGetItem UpdateItem",
            ),
            secret=True,
        ),
        "redeem": FunctionGrants(
            tables=_each(
                campaigns="GetItem",
                merchants="Query",
                callers="GetItem",
                stock="UpdateItem",
                people="GetItem UpdateItem",
                vouchers="BatchGetItem GetItem UpdateItem",
                ledger="GetItem PutItem Query UpdateItem",
                refusals="GetItem UpdateItem",
            ),
            secret=True,
        ),
        "earn": FunctionGrants(
            tables=_each(
                campaigns="GetItem",
                pools="GetItem UpdateItem",
                merchants="Query",
                callers="GetItem",
                stock="BatchGetItem UpdateItem",
                homes="UpdateItem",
                people="UpdateItem",
                vouchers="GetItem PutItem UpdateItem",
                ledger="ConditionCheckItem GetItem UpdateItem",
                earnings="GetItem PutItem Query UpdateItem",
            ),
            secret=True,
        ),
        "reconcile": FunctionGrants(
            tables=_each(
                campaigns="ConditionCheckItem GetItem Scan UpdateItem",
                pools="GetItem PutItem Query UpdateItem",
                stock="BatchGetItem PutItem UpdateItem",
                changes="GetItem Query UpdateItem",
                grants="Query",
                grant_rows="Query",
                grant_parts="BatchGetItem",
                vouchers="BatchGetItem Scan UpdateItem",
                ledger="Scan",
                earnings="Scan",
                people="Scan",
                settlements="GetItem PutItem Query UpdateItem",
                breaks="BatchGetItem PutItem Query Scan",
                bills="ConditionCheckItem PutItem Query UpdateItem",
                platforms="GetItem",
            ),
            indexes=_each(vouchers="by_issue_day", ledger="by_day", breaks="unresolved"),
            files=_each(
                bills="GetObject GetObjectVersion",
                settlements="GetObject PutObject",
                returns="GetObject PutObject",
                payouts="GetObject PutObject",
                journal="GetObject PutObject",
                **{
                    "reports/invariants": "GetObject PutObject",
                    "reports/breaks": "GetObject PutObject",
                },
            ),
            starts_days=True,
            signs=True,
        ),
        "day": FunctionGrants(
            tables=_each(
                campaigns="UpdateItem",
                vouchers="BatchGetItem",
                settlements="GetItem PutItem Query",
                breaks="BatchGetItem PutItem Query",
                bills="ConditionCheckItem PutItem Query UpdateItem",
                platforms="GetItem",
            ),
            indexes=_each(ledger="by_day"),
            files=_each(bills="GetObject GetObjectVersion", settlements="GetObject PutObject"),
            work=frozenset({"GetObject", "PutObject"}),
        ),
        "files": FunctionGrants(
            tables=_each(callers="GetItem"),
            files=_each(bills="PutObject", settlements="GetObject"),
        ),
        "publish": FunctionGrants(
            tables=_each(
                campaigns="GetItem",
                vouchers="BatchGetItem",
                settlements="Query",
            ),
            indexes=_each(vouchers="by_issue_day", ledger="by_day"),
            streams=streamed_suffixes(),
            publishes=True,
        ),
        "report": FunctionGrants(
            tables=_each(campaigns="GetItem Scan"),
            indexes=_each(vouchers="by_issue_day", ledger="by_day"),
            files=_each(reports="GetObject PutObject"),
        ),
    }
)

"""Where the tables are: one connection for all models, bound on first use.

PynamoDB gives each model a client of its own (65 ms each) and reads a model's settings when the
class is made. Here every model shares one connection, made when a function first needs it, so
that importing the store costs no client and reads no environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from pynamodb.connection import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import DoesNotExist, PynamoDBConnectionError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import Index
from pynamodb.models import Model

from functions.shared.domain.errors import Busy
from functions.shared.store.tables import MODELS, table_suffix
from functions.shared.store.transaction import RetryPolicy, Transaction, is_transient

M = TypeVar("M", bound=Model)

# API Gateway gives up after 29 s: three tries of 2 s and their pauses stay well below.
CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 2.0
SDK_RETRIES = 2
POOL_CONNECTIONS = 32


class Database:
    """The tables of one deployment.

    Making one binds the models to it: a process talks to one deployment at a time, as a Lambda
    does; a later Database (in tests) takes the models over.

    Args:
        prefix: what the table names begin with, as "huimin-".
        retry: how transactions fight contention.

    """

    def __init__(self, prefix: str, *, retry: RetryPolicy | None = None) -> None:
        self.prefix = prefix
        self._retry = retry or RetryPolicy()
        self._connection = Connection(
            connect_timeout_seconds=CONNECT_TIMEOUT_S,
            read_timeout_seconds=READ_TIMEOUT_S,
            max_retry_attempts=SDK_RETRIES,
            max_pool_connections=POOL_CONNECTIONS,
        )
        for model in MODELS:
            self._bind(model)

    def _bind(self, model: type[Model]) -> None:
        model.Meta.table_name = self.prefix + table_suffix(model)
        model._connection = None  # noqa: SLF001 - PynamoDB keeps a client per model otherwise
        own: TableConnection = model._get_connection()  # noqa: SLF001 - as above
        self._connection.add_meta_table(own.get_meta_table())
        own.connection = self._connection

    @property
    def client(self) -> Any:  # noqa: ANN401 - botocore clients have no static type
        """The botocore client under the models, for fault injection and metering in tests."""
        return self._connection.client

    def transaction(self, operation: str) -> Transaction:
        """A new transaction under that label."""
        return Transaction(self._connection, operation, self._retry)

    def get(self, model: type[M], hash_key: str, range_key: str | None = None) -> M | None:
        """The item of that key, strongly consistent; None when absent.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        try:
            return model.get(hash_key, range_key, consistent_read=True)
        except DoesNotExist:
            return None
        except PynamoDBConnectionError as error:
            raise _as_busy(error, model) from error

    def get_many(self, model: type[M], keys: Iterable[Any]) -> Iterator[M]:
        """The items of those keys in no order, a hundred a call; absent ones are left out.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        try:
            yield from model.batch_get(list(keys), consistent_read=True)
        except PynamoDBConnectionError as error:
            raise _as_busy(error, model) from error

    def get_many_raw(
        self, model: type[Model], keys: Sequence[str], attributes: Sequence[str]
    ) -> list[dict[str, dict[str, Any]]]:
        """Some attributes of the items of those hash keys, as DynamoDB writes them, in no order.

        Args:
            model: of a table without range key.
            keys: a hundred at most; absent ones are left out.
            attributes: which to read.

        Raises:
            Busy: throttled or lost beyond the SDK's retries, or throttled on every try.

        """
        table = model.Meta.table_name
        hash_name = model._hash_keyname  # noqa: SLF001 - PynamoDB has no name for it
        asked: list[Any] = [{hash_name: key} for key in keys]
        found: list[dict[str, dict[str, Any]]] = []
        for tried in range(1, self._retry.tries + 1):
            try:
                page = self._connection.batch_get_item(
                    table, asked, consistent_read=True, attributes_to_get=list(attributes)
                )
            except PynamoDBConnectionError as error:
                raise _as_busy(error, model) from error
            found += page["Responses"].get(table, ())
            left = page.get("UnprocessedKeys", {}).get(table, {}).get("Keys", ())
            if not left:
                return found
            asked = [{hash_name: key[hash_name]["S"]} for key in left]
            self._retry.pause(tried)
        raise Busy(operation=f"read {model.__name__}")

    def update(self, item: Model, actions: Sequence[Action]) -> bool:
        """Changes an item outside any transaction, and takes in what it is then.

        False where the call was throttled or lost: it may have been done, so nothing that has to
        be exact may rest on it.
        """
        try:
            item.update(list(actions))
        except PynamoDBConnectionError as error:
            if is_transient(error):
                return False
            raise
        return True

    def query(
        self,
        source: type[M] | Index[M],
        hash_key: str,
        range_condition: Condition | None = None,
        *,
        only: Condition | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[M]:
        """The items of a table's or an index's hash key, in range-key order, page by page.

        A table is read strongly consistent; an index cannot be. What `only` leaves out is read
        and paid for all the same.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        try:
            yield from source.query(
                hash_key,
                range_condition,
                consistent_read=not isinstance(source, Index),
                filter_condition=only,
                scan_index_forward=not newest_first,
                limit=limit,
            )
        except PynamoDBConnectionError as error:
            raise _as_busy(error, source) from error

    def query_raw(
        self, index: Index[Any], hash_key: str
    ) -> Iterator[list[dict[str, dict[str, Any]]]]:
        """The items of an index's hash key in range-key order, as DynamoDB writes them, by page.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        start: Any = None
        while True:
            try:
                page = self._connection.query(
                    index._model.Meta.table_name,  # noqa: SLF001 - PynamoDB has no name for it
                    hash_key,
                    index_name=index.Meta.index_name,
                    exclusive_start_key=start,
                )
            except PynamoDBConnectionError as error:
                raise _as_busy(error, index) from error
            yield page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return

    def scan(self, model: type[M], condition: Condition | None = None) -> Iterator[M]:
        """Every item of a table, strongly consistent: for small tables and for recounts only.

        A condition spares the sending of other items, not their reading.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        try:
            yield from model.scan(condition, consistent_read=True)
        except PynamoDBConnectionError as error:
            raise _as_busy(error, model) from error

    def scan_raw(
        self, model: type[Model], condition: Condition | None = None
    ) -> Iterator[dict[str, dict[str, Any]]]:
        """As `scan`, but items as DynamoDB writes them, with attributes that no model declares.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        start: Any = None
        while True:
            try:
                page = self._connection.scan(
                    model.Meta.table_name,
                    filter_condition=condition,
                    exclusive_start_key=start,
                    consistent_read=True,
                )
            except PynamoDBConnectionError as error:
                raise _as_busy(error, model) from error
            yield from page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return


def _as_busy(error: PynamoDBConnectionError, source: object) -> Exception:
    """`Busy` where the same call may succeed later; the error itself where it is ours."""
    if is_transient(error):
        return Busy(operation=f"read {getattr(source, '__name__', type(source).__name__)}")
    return error

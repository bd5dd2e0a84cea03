"""moto's DynamoDB made quick enough for a whole campaign, without changing one answer.

moto is right for what the local stack asks of it, and slow: it deep-copies each table of a
transaction before it starts (3 transactions a second at 3,000 items), scans a table on every
query, and parses each expression three times. Replacing it would mean trusting a store of our
own; so `quick_moto` replaces, while it is entered and not a moment longer, only these:

    Table                   a snapshot copies the items that the transaction touches; queries
                            look at the items under their hash key
    update and condition    the same text is parsed once
    expressions
    answers                 an attribute value is written by its one type, not by trying all ten
    paths of an event       are parsed once; moto parses ten for each target of each event
    Item                    is not kept for ever for moto's dashboard
    addresses of a service  are worked out once; for S3 moto loads a module anew on each request

All else is moto's own code: which condition failed, what is rolled back, what is answered.
tests/local/test_moto_speed.py plays random transactions, queries and updates against moto as it
comes and as it is here, and compares every answer and the tables left behind.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, NamedTuple
from unittest.mock import patch

import jsonpath_ng.ext
import moto.core.responses
import moto.dynamodb.models
from botocore.model import StructureShape
from moto.core.base_backend import BaseBackend
from moto.core.serialize import JSONSerializer
from moto.core.utils import method_names_from_class
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import SecondaryIndex, Table
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined] # moto has no types here
    DepthFirstTraverser,
)
from moto.dynamodb.parsing.expressions import (  # type: ignore[attr-defined] # moto has no types here
    UpdateExpressionParser,
)
from moto.dynamodb.parsing.tokens import ExpressionTokenizer

_EXPRESSIONS = 1024  # Expressions remembered; the store has some dozens.
# moto's limit, between DynamoDB's documented 400,000 and what it lets pass.
_ITEM_BYTES = 405_000
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,36}")


class _Key(NamedTuple):
    """An item's primary key."""

    hash_key: DynamoType
    range_key: DynamoType | None


class _Transaction:
    """The keys that one TransactWriteItems names, and the snapshots taken for it."""

    def __init__(self, operations: Sequence[Mapping[str, Any]]) -> None:
        self.snapshots: dict[str, LocalTable] = {}
        self._named: dict[str, list[Mapping[str, Any]]] = {}
        for operation in operations:
            for target in operation.values():
                attributes = target.get("Key") or target.get("Item") or {}
                self._named.setdefault(target.get("TableName", ""), []).append(attributes)

    def named_in(self, table_name: str) -> Sequence[Mapping[str, Any]]:
        """The attributes that hold a key, of each operation on the table."""
        return self._named.get(table_name, ())


_TRANSACTION: ContextVar[_Transaction | None] = ContextVar("transaction", default=None)
# Readers of one table meet here: a day's entries are read by several threads at once.
_FILING = threading.Lock()
_CANDIDATES: ContextVar[Sequence[Item] | None] = ContextVar("candidates", default=None)


class _HashIndex:
    """The keys of a table's items under the first hash attribute of one secondary index."""

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        self._keys: dict[DynamoType, dict[_Key, None]] = {}
        self._filed_under: dict[_Key, DynamoType] = {}

    def file(self, key: _Key, item: Item | None) -> None:
        """Files the item under its present value, or nowhere if it is gone or has none."""
        before = self._filed_under.pop(key, None)
        if before is not None:
            del self._keys[before][key]
        value = item.attrs.get(self.attribute) if item is not None else None
        if value is not None and _is_scalar(value):
            self._filed_under[key] = value
            self._keys.setdefault(value, {})[key] = None

    def keys_under(self, value: DynamoType) -> Sequence[_Key]:
        """The keys filed under a value."""
        return tuple(self._keys.get(value, ()))


def _is_scalar(value: DynamoType) -> bool:
    return value.type in {"S", "N", "B"}


class LocalTable(Table):
    """A moto table that snapshots what a transaction touches and finds items by their keys.

    The files of an index are brought up to date when a query needs them, from the keys handed out
    since: moto asks `get_item` before every put and update, and updates what it got in place. A
    file that names too much does no harm, because moto looks at each item again; a deleted item
    or a rollback needs nothing more.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - moto's own arguments
        super().__init__(*args, **kwargs)
        self._hash_indexes: dict[str, _HashIndex] = {}
        self._handed_out: dict[_Key, None] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> LocalTable:
        transaction = _TRANSACTION.get()
        if transaction is None:
            return self._full_copy(memo)
        if self.name not in transaction.snapshots:
            transaction.snapshots[self.name] = self._snapshot(transaction.named_in(self.name))
        return transaction.snapshots[self.name]

    def _full_copy(self, memo: dict[int, Any]) -> LocalTable:
        clone = self._blank()
        memo[id(self)] = clone
        for name, value in self.__dict__.items():
            setattr(clone, name, copy.deepcopy(value, memo))
        # Filed keys are cheap to find again, and costly to copy.
        clone.__dict__.update(_hash_indexes={}, _handed_out={})
        return clone

    def _snapshot(self, named: Sequence[Mapping[str, Any]]) -> LocalTable:
        snapshot = self._blank()
        snapshot.__dict__.update(self.__dict__)
        # Pointers only: 10 µs at 3,000 items. It also keeps the order of the items.
        snapshot.items = self.items.copy()
        for attributes in named:
            self._save(snapshot, attributes)
        if self.stream_shard is not None:
            # Records never change; the list of them grows.
            shard = snapshot.stream_shard = copy.copy(self.stream_shard)
            shard.table, shard.items = snapshot, list(shard.items)
        return snapshot

    def _save(self, snapshot: LocalTable, attributes: Mapping[str, Any]) -> None:
        key = self._key_of(attributes)
        if key is None or key.hash_key not in self.items:
            return
        held = self.items[key.hash_key]
        if key.range_key is None:
            snapshot.items[key.hash_key] = copy.deepcopy(held)
            return
        if snapshot.items[key.hash_key] is held:
            snapshot.items[key.hash_key] = held.copy()
        if key.range_key in held:
            snapshot.items[key.hash_key][key.range_key] = copy.deepcopy(held[key.range_key])

    def _blank(self) -> LocalTable:
        blank: LocalTable = object.__new__(type(self))
        return blank

    def _key_of(self, attributes: Mapping[str, Any]) -> _Key | None:
        """The key among the attributes; None where moto is about to refuse it."""
        try:
            hash_key = DynamoType(attributes[self.hash_key_attr])
            range_key = DynamoType(attributes[self.range_key_attr]) if self.range_key_attr else None
        except (KeyError, IndexError, TypeError):
            return None
        if not _is_scalar(hash_key) or (range_key is not None and not _is_scalar(range_key)):
            return None
        return _Key(hash_key, range_key)

    def get_item(
        self,
        hash_key: DynamoType,
        range_key: DynamoType | None = None,
        projection_expression: list[list[str]] | None = None,
    ) -> Item | None:
        """As moto answers; the item may be changed in place from now on."""
        found = super().get_item(hash_key, range_key, projection_expression)
        self._hand_out(hash_key, range_key)
        return found

    def _hand_out(self, hash_key: DynamoType, range_key: DynamoType | None) -> None:
        # Nothing to keep before the first query of an index files all items.
        if self._hash_indexes and _is_scalar(hash_key):
            key = _Key(DynamoType(hash_key), range_key and DynamoType(range_key))
            with _FILING:
                self._handed_out[key] = None

    def query(
        self,
        hash_key: DynamoType | None,
        range_comparison: str | None,
        range_objs: list[DynamoType],
        limit: int,
        exclusive_start_key: dict[str, Any],
        scan_index_forward: bool,  # noqa: FBT001 - moto's own signature
        projection_expressions: list[list[str]] | None,
        index_name: str | None = None,
        consistent_read: bool = False,  # noqa: FBT001, FBT002 - moto's own signature
        filter_expression: Any = None,  # noqa: ANN401 - moto's own signature
        hash_key_conditions: list[tuple[str, DynamoType]] | None = None,
        range_key_conditions: list[tuple[str, str, list[DynamoType]]] | None = None,
        **filter_kwargs: Any,  # noqa: ANN401 - moto's own signature
    ) -> tuple[list[Item], int, dict[str, Any] | None]:
        """As moto answers, from the items under the hash key rather than from all of them."""
        candidates = _CANDIDATES.set(
            self._under_index(index_name, hash_key_conditions or ())
            if index_name
            else self._under_hash(hash_key)
        )
        try:
            return super().query(
                hash_key,
                range_comparison,
                range_objs,
                limit,
                exclusive_start_key,
                scan_index_forward,
                projection_expressions,
                index_name,
                consistent_read,
                filter_expression,
                hash_key_conditions=hash_key_conditions,
                range_key_conditions=range_key_conditions,
                **filter_kwargs,
            )
        finally:
            _CANDIDATES.reset(candidates)

    def all_items(self) -> list[Item]:
        """All items by key; inside a query, those that can match its hash key."""
        candidates = _CANDIDATES.get()
        return super().all_items() if candidates is None else list(candidates)

    def _under_hash(self, hash_key: DynamoType | None) -> Sequence[Item] | None:
        """The items under a hash key of the table itself; None to look at all."""
        if hash_key is None or not _is_scalar(hash_key):
            return None
        held: Any = self.items.get(hash_key)
        if held is None:
            return ()
        return tuple(held.values()) if self.has_range_key else (held,)

    def _under_index(
        self, index_name: str, conditions: Sequence[tuple[str, DynamoType]]
    ) -> Sequence[Item] | None:
        """A superset of the items that an index holds under a hash value; None to look at all."""
        index = next((each for each in self.all_indexes() if each.name == index_name), None)
        attribute = _first_hash_attribute(index) if index is not None else None
        value = dict(conditions).get(attribute) if attribute is not None else None
        if attribute is None or value is None or not _is_scalar(value):
            return None
        with _FILING:
            keys = tuple(self._hash_index(attribute).keys_under(value))
        return [item for item in map(self._at, keys) if item is not None]

    def _hash_index(self, attribute: str) -> _HashIndex:
        for key in self._handed_out:
            for each in self._hash_indexes.values():
                each.file(key, self._at(key))
        self._handed_out.clear()
        if attribute not in self._hash_indexes:
            index = self._hash_indexes[attribute] = _HashIndex(attribute)
            for item in super().all_items():
                index.file(_Key(item.hash_key, item.range_key), item)
        return self._hash_indexes[attribute]

    def _at(self, key: _Key) -> Item | None:
        """The item at a key, without handing it out."""
        held: Any = self.items.get(key.hash_key)
        if self.has_range_key:
            held = held.get(key.range_key) if held is not None else None
        found: Item | None = held
        return found


def _first_hash_attribute(index: SecondaryIndex) -> str | None:
    return next(
        (key["AttributeName"] for key in index.schema if key["KeyType"] == "HASH"),
        None,
    )


_moto_transact = DynamoDBBackend.transact_write_items
_moto_parse_condition = ConditionExpressionParser.parse
_moto_write_structure = JSONSerializer._serialize_type_structure  # noqa: SLF001 - replaced below
_moto_project = SecondaryIndex.project
_moto_parse_path: Any = vars(jsonpath_ng.ext)["parse"]
_moto_urls = vars(BaseBackend)["urls"].fget


def _transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """A transaction of moto's that tells its tables what it is about to touch."""
    transaction = _TRANSACTION.set(_Transaction(transact_items))
    try:
        _moto_transact(backend, transact_items)
    finally:
        _TRANSACTION.reset(transaction)


@lru_cache(_EXPRESSIONS)
def _parse_update(text: str) -> Any:  # noqa: ANN401 - moto's syntax tree has no types
    """The syntax tree of an update expression; moto's validators work on copies of it."""
    return UpdateExpressionParser(ExpressionTokenizer.make_list(text)).parse()


def _remembering_conditions() -> Callable[[ConditionExpressionParser], Any]:
    """A `parse` that parses the same text, names and values once: a condition never changes."""
    parsed: dict[tuple[str, str, str], tuple[Any, list[str], list[str]]] = {}

    def parse(parser: ConditionExpressionParser) -> Any:  # noqa: ANN401 - moto's own type
        if not parser.condition_expression:
            return _moto_parse_condition(parser)
        what = (
            parser.condition_expression,
            repr(parser.expression_attribute_names),
            repr(parser.expression_attribute_values),
        )
        if what not in parsed:
            condition = _moto_parse_condition(parser)
            if len(parsed) >= _EXPRESSIONS:
                parsed.clear()
            parsed[what] = (
                condition,
                parser.expr_attr_names_found,
                parser.expr_attr_values_found,
            )
            return condition
        condition, names, values = parsed[what]
        parser.expr_attr_names_found = list(names)
        parser.expr_attr_values_found = list(values)
        return condition

    return parse


def _write_structure(
    serializer: JSONSerializer,
    serialized: MutableMapping[str, Any],
    value: Any,  # noqa: ANN401 - moto's own signature
    shape: StructureShape,
    key: str,
) -> None:
    """Writes an attribute value by the one type it has; moto asks for each of ten, by aliases."""
    if shape.name == "AttributeValue" and key and type(value) is dict and len(value) == 1:
        ((kind, content),) = value.items()
        member = shape.members.get(kind)
        if member is not None and content is not None:
            written: dict[str, Any] = {}
            serializer._serialize(written, content, member, kind)  # noqa: SLF001 - as moto does
            serializer._default_serialize(serialized, written, shape, key)  # noqa: SLF001 - as above
            return
    _moto_write_structure(serializer, serialized, value, shape, key)


def _new_item(_: type[Item], *__: object, **___: object) -> Item:
    """An item that moto's dashboard does not keep: a long run would keep every answer."""
    item: Item = object.__new__(Item)
    return item


def _make_item(
    item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: Mapping[str, Any]
) -> None:
    """An item as moto makes it, its size summed once; moto sums it anew for each attribute."""
    item.hash_key = hash_key
    item.range_key = range_key
    item.attrs = LimitedSizeDict()
    for name, value in attrs.items():
        dict.__setitem__(item.attrs, name, DynamoType(value))
    if item.size() > _ITEM_BYTES:
        raise ItemSizeTooLarge


def _project(index: SecondaryIndex, item: Item) -> Item:
    """The attributes that the index holds; moto decodes the whole item for each of them."""
    kind = index.projection.get("ProjectionType") if index.projection else None
    if kind not in {"KEYS_ONLY", "INCLUDE"}:
        return _moto_project(index, item)
    names = [*index.table_key_attrs, *index.schema_key_attrs]
    if kind == "INCLUDE":
        names += index.projection.get("NonKeyAttributes", [])
    held = {name: item.attrs[name] for name in names if name in item.attrs}
    if not all(name.isidentifier() for name in names) or not all(map(_is_plain, held.values())):
        return _moto_project(index, item)
    return Item(item.hash_key, item.range_key, held)


def _is_plain(value: DynamoType) -> bool:
    """Whether moto's decoding and encoding would leave the value as it is."""
    if value.type == "N":
        return bool(_PLAIN_INTEGER.fullmatch(value.value))
    return value.type in {"S", "BOOL"}


def _remembering_urls() -> property:
    """A `urls` worked out once for each kind of backend: only the environment changes it."""
    known: dict[type[BaseBackend], dict[str, Any]] = {}

    def urls(backend: BaseBackend) -> dict[str, Any]:
        kind = type(backend)
        if kind not in known:
            known[kind] = _moto_urls(backend)
        return known[kind]

    return property(urls)


_NODE_TYPES: dict[type[DepthFirstTraverser], tuple[type[Any], ...]] = {}


def _node_types(traverser: DepthFirstTraverser) -> tuple[type[Any], ...]:
    """The node types that a traverser takes; moto works them out anew at each node."""
    kind = type(traverser)
    if kind not in _NODE_TYPES:
        _NODE_TYPES[kind] = tuple(traverser._processing_map())  # noqa: SLF001 - as moto does
    return _NODE_TYPES[kind]


@contextmanager
def quick_moto() -> Iterator[None]:
    """Makes moto's DynamoDB quick while entered; tables made before or after are moto's own."""
    with ExitStack() as replaced:
        for owner, name, replacement in (
            (moto.dynamodb.models, "Table", LocalTable),
            (DynamoDBBackend, "transact_write_items", _transact),
            (UpdateExpressionParser, "make", staticmethod(_parse_update)),
            (ConditionExpressionParser, "parse", _remembering_conditions()),
            (JSONSerializer, "_serialize_type_structure", _write_structure),
            (DepthFirstTraverser, "nodes_to_be_processed", _node_types),
            (jsonpath_ng.ext, "parse", cache(_moto_parse_path)),
            (Item, "__new__", staticmethod(_new_item)),
            (Item, "__init__", _make_item),
            (SecondaryIndex, "project", _project),
            (BaseBackend, "urls", _remembering_urls()),
            (moto.core.responses, "method_names_from_class", cache(method_names_from_class)),
        ):
            replaced.enter_context(patch.object(owner, name, replacement))
        yield

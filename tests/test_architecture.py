"""Who may import whom, read from the source; and that routes, operations and codes fit together.

shared.domain    standard library only
shared.store     domain; the only room of pynamodb, boto3 and botocore
shared.files     domain; the only room of xlsxwriter and of payment messages
shared.issuing   domain, store
shared.edge      domain; the only room of powertools and, with *messages.py, of pydantic
<function>       its own modules, domain, store, issuing, files; handler.py, *messages.py also edge;
                 reconcile.engine is the only module of duckdb
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from functions.shared.domain.errors import Code
from functions.shared.edge.app import App, Operation
from functions.shared.edge.routes import ROUTES

ROOT = Path(__file__).resolve().parent.parent
SHARED = "functions.shared"
AWS = frozenset({"boto3", "botocore", "pynamodb"})
# The engine's library stays behind one module: what it can do is said there.
LIBRARIES_OF = {"functions.reconcile.engine": frozenset({"duckdb"})}
EDGE_LIBRARIES = frozenset(
    {"aws_lambda_powertools", "pydantic", "pydantic_core", "typing_extensions"}
)
EDGE_MODULES = ("handler", "messages", "_messages")
# Only the gateway says these: no function is reached by a request that they refuse.
GATEWAY_CODES = frozenset({Code.ROUTE_NOT_FOUND, Code.METHOD_NOT_ALLOWED})


def modules(*folders: str) -> dict[str, ast.Module]:
    """The source of every module below the folders, by its dotted name."""
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(source: ast.AST) -> Iterator[str]:
    """Everything that a source imports, wherever in it, `from a import b` as `a.b` and `a`."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where things come from"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FUNCTIONS = modules("functions")


def is_of_the_edge(name: str) -> bool:
    """Whether it is a function's handler or messages, or something of them."""
    parts = name.split(".")
    return len(parts) > 2 and parts[1] != "shared" and parts[2].endswith(EDGE_MODULES)


def permitted(module: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The libraries and the rooms under functions/ that a module may import from."""
    parts = module.split(".")
    if parts[:2] != ["functions", "shared"]:
        own = ".".join(parts[:2])
        rooms = (own, *(f"{SHARED}.{room}" for room in ("domain", "store", "issuing", "files")))
        if is_of_the_edge(module):
            return frozenset({"pydantic"}), (*rooms, f"{SHARED}.edge")
        return LIBRARIES_OF.get(module, frozenset()), rooms
    room = parts[2] if len(parts) > 2 else ""
    libraries = {
        "store": AWS,
        "files": frozenset({"xlsxwriter", "pyiso20022", "xsdata"}),
        "edge": EDGE_LIBRARIES,
    }
    behind = {"issuing": (f"{SHARED}.store",)}.get(room, ())
    return libraries.get(room, frozenset()), (f"{SHARED}.{room}", f"{SHARED}.domain", *behind)


def is_below(name: str, rooms: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of the rooms or in one; `functions` itself is in none."""
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def breaches(module: str, source: ast.AST) -> list[str]:
    """What a module imports although its room may not."""
    libraries, rooms = permitted(module)
    found = []
    for name in imported(source):
        top = name.partition(".")[0]
        if top != "functions":
            may = top in sys.stdlib_module_names | libraries
        else:
            # What is behind the edge does not know of it.
            may = is_below(name, rooms) and (is_of_the_edge(module) or not is_of_the_edge(name))
        if not may:
            found.append(name)
    return found


@pytest.mark.parametrize("module", FUNCTIONS)
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    assert breaches(module, FUNCTIONS[module]) == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (f"{SHARED}.domain.money", "import pynamodb"),
        (f"{SHARED}.domain.orders", "from functions.shared.store import tables"),
        (f"{SHARED}.store.stock", "from functions.shared.edge.settings import settings"),
        (f"{SHARED}.files.csv_out", "import boto3"),
        (f"{SHARED}.edge.app", "from functions.shared.store.stock import StockStore"),
        (f"{SHARED}.store.claims", "from functions.shared.issuing.issuer import Issuer"),
        ("functions.issue.service", "from functions.shared.edge import clock"),
        ("functions.issue.service", "from functions.issue.messages import ClaimBody"),
        ("functions.redeem.service", "import pydantic"),
        ("functions.reconcile.day", "import duckdb"),
        ("functions.redeem.handler", "from functions.issue.service import ClaimService"),
        ("functions.redeem.handler", "import botocore.client"),
        ("functions.report.service", "def late():\n    from moto import mock_aws"),
        ("functions.campaign.handler", "import infra.local.people"),
        ("functions.finance.breaks", "from functions.finance.break_messages import BreakAnswer"),
        ("functions.campaign.messages", "import tests.support"),
    ],
)
def test_a_breach_is_noticed(module: str, text: str) -> None:
    assert breaches(module, ast.parse(text))


def test_functions_are_all_looked_at() -> None:
    assert {"functions.issue.service", f"{SHARED}.store.tables", f"{SHARED}.domain.money"} <= set(
        FUNCTIONS
    )


@pytest.mark.parametrize(("module", "source"), list((FUNCTIONS | modules("infra")).items()))
def test_a_module_says_what_it_is_for(module: str, source: ast.Module) -> None:
    assert ast.get_docstring(source), module


# Routes, operations and codes

FUNCTION_FOLDERS = sorted(
    path.parent.name for path in (ROOT / "functions").glob("*/handler.py") if path.is_file()
)


def operations() -> list[Operation]:
    """What the handlers of all functions have registered."""
    found: list[Operation] = []
    for folder in FUNCTION_FOLDERS:
        handler = import_module(f"functions.{folder}.handler")
        assert callable(handler.handle)
        app = getattr(handler, "app", None)
        if isinstance(app, App):
            assert app.function == folder
            found += app.operations.values()
    return found


def test_every_route_has_one_operation_and_every_operation_a_route() -> None:
    registered = Counter(operation.route for operation in operations())
    assert registered == Counter(ROUTES)


def test_no_two_routes_are_one() -> None:
    assert len({route.operation_id for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_all_methods_of_a_path_are_answered_by_one_function() -> None:
    """The gateway sends a path's other methods to that function, which answers 405."""
    functions: dict[str, set[str]] = {}
    for route in ROUTES:
        functions.setdefault(route.path, set()).add(route.function)
    assert all(len(names) == 1 for names in functions.values())


def test_every_code_is_declared_by_an_operation_or_is_the_gateways() -> None:
    declared = frozenset().union(*(operation.codes for operation in operations()))
    assert declared | GATEWAY_CODES == set(Code)
    assert not declared & GATEWAY_CODES


def test_an_operation_that_takes_a_body_has_room_for_it_and_one_that_does_not_has_none() -> None:
    for operation in operations():
        assert (operation.body_limit > 0) == (operation.body is not None)


def test_every_operation_is_described_in_both_languages() -> None:
    for operation in operations():
        english, _, chinese = (operation.answer.__doc__ or "").partition(" / ")
        assert english.isascii(), operation.route.operation_id
        assert any("一" <= character <= "龥" for character in chinese)

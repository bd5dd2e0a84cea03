"""Takes every condition of the store's transactions out, one at a time, and runs the tests.

    python -m tests.mutation                        all of them, against the tests of each module
    python -m tests.mutation --list                 what would be taken out
    python -m tests.mutation --only ledger --tests tests/store --tests tests/handlers

A mutant is a condition dropped whole, one side of an `&` or `|` dropped, or a guard that is none.
Each is tried in a copy of the repository, by the tests in the order given, up to the first that
fails. What no test notices is listed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

REPOSITORY = Path(__file__).resolve().parents[2]
STORE = Path("functions/shared/store")
# Where a condition stands among the positional arguments of a transaction's methods.
_CONDITION_AT = {"put": 2, "update": 3}
# The quick ones first. Whoever comes in between shows what only concurrency breaks.
_MEETINGS = "tests/reconcile_money/test_meetings.py"
_SWEEP = "tests/reconcile_money/test_sweep.py"
_ROLLOVER = "tests/reconcile_money/test_rollover.py"
USUAL_TESTS = ("tests/store", "tests/handlers")
TESTS = {
    "adjusting": ("tests/reconcile/test_adjusting.py",),
    "bills": ("tests/reconcile",),
    "breaks": ("tests/reconcile",),
    "settlements": ("tests/reconcile", "tests/store"),
    "payments": ("tests/reconcile/test_fund_returns.py",),
    "payouts": ("tests/reconcile/test_payouts.py",),
    "returns": ("tests/reconcile_money/test_closing.py", _MEETINGS),
    "earnings": ("tests/handlers/test_earnings.py", _MEETINGS),
    "grants": ("tests/handlers/test_grants.py", _MEETINGS),
    "ledger": ("tests/store", "tests/handlers/test_earnings.py", _MEETINGS),
    "vouchers": ("tests/store", "tests/handlers/test_earnings.py", _SWEEP, _MEETINGS),
    "stock": ("tests/reconcile_money/test_stock_store.py", "tests/store", _ROLLOVER, _MEETINGS),
    "stock_changes": ("tests/handlers/test_stock_changes.py", _MEETINGS),
}
_COPIED = ("functions", "infra", "tests", "campaigns", "docs", "pyproject.toml", "cdk.json")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one file.

    Args:
        path: the file, in the repository.
        line: of what is changed.
        what: what is done, in a few words.
        source: the file's whole text with the change.

    """

    path: Path
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line} {self.what}"


class _Text:
    """A source text in which nodes are replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = (REPOSITORY / path).read_text()
        self.tree = ast.parse(self.text)
        self._starts = [0]
        for line in self.text.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def replaced(self, node: ast.expr | ast.stmt, by: str) -> str:
        """The text with other words in the node's place."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        raw = self.text.encode()
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        return (raw[:start] + by.encode() + raw[end:]).decode()

    def of(self, node: ast.expr) -> str:
        """The node's own words."""
        return ast.get_source_segment(self.text, node) or ""


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module of the store."""
    text = _Text(path)
    of_types = set(_annotations(text.tree))
    for node in ast.walk(text.tree):
        if node in of_types:
            continue
        for changed, by, what in _changes(node, text):
            yield Mutant(path, changed.lineno, what, text.replaced(changed, by))


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a type annotation: `|` there is no condition."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            annotation = getattr(node, name, None)
            if annotation is not None:
                yield from ast.walk(annotation)


def _changes(node: ast.AST, text: _Text) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        for kept, dropped in ((node.left, node.right), (node.right, node.left)):
            yield node, f"({text.of(kept)})", f"without {_short(text.of(dropped))}"
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.BitAnd):
        yield node, "pass", f"without {_short(text.of(node.value))}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _call_changes(node, node.func.attr, text)


def _call_changes(node: ast.Call, method: str, text: _Text) -> Iterator[tuple[ast.expr, str, str]]:
    for keyword in node.keywords:
        if keyword.arg == "guard" and method == "put":
            yield keyword.value, "False", "without the guard"
    place = _CONDITION_AT.get(method)
    if place is not None and len(node.args) > place:
        condition = node.args[place]
        yield condition, "None", f"without {_short(text.of(condition))}"
    if method == "check" and isinstance(node.func, ast.Attribute):
        yield node, "None", "without the check"


def _short(words: str) -> str:
    return " ".join(words.split())[:90]


def _copy(folder: Path) -> Path:
    for name in _COPIED:
        source, target = REPOSITORY / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return folder


def _is_caught(mutant: Mutant, copy: Path, tests: Sequence[str]) -> bool:
    place = copy / mutant.path
    kept = place.read_text()
    place.write_text(mutant.source)
    try:
        for test in tests:
            run = subprocess.run(  # noqa: S603 - the tests of this repository
                [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", test],
                cwd=copy,
                capture_output=True,
                check=False,
            )
            if run.returncode:
                return True
    finally:
        place.write_text(kept)
    return False


def main() -> int:
    """Runs as asked for on the command line; 1 where something was not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say what would be taken out")
    parser.add_argument("--only", action="append", help="modules of the store, without .py")
    parser.add_argument("--tests", action="append", help="what is run; default: see TESTS")
    parser.add_argument("--workers", type=int, default=2, help="copies that work at once")
    parser.add_argument("--match", help="only mutants whose description holds this text")
    asked = parser.parse_args()
    mutants = [
        mutant
        for path in sorted((REPOSITORY / STORE).glob("*.py"))
        if not asked.only or path.stem in asked.only
        for mutant in mutants_of(path.relative_to(REPOSITORY))
        if not asked.match or asked.match in str(mutant)
    ]
    if asked.list:
        print(*mutants, sep="\n")  # noqa: T201 - what was asked for
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for number in range(asked.workers):
            copies.put(_copy(Path(folder) / str(number)))

        def tried(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                tests = asked.tests or TESTS.get(mutant.path.stem, USUAL_TESTS)
                return _is_caught(mutant, copy, tests)
            finally:
                copies.put(copy)

        survivors = []
        with ThreadPoolExecutor(asked.workers) as pool:
            for number, (mutant, caught) in enumerate(
                zip(mutants, pool.map(tried, mutants), strict=True), start=1
            ):
                if not caught:
                    survivors.append(mutant)
                verdict = "caught" if caught else "SURVIVES"
                print(f"{number} of {len(mutants)} {verdict:8} {mutant}", flush=True)  # noqa: T201
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} caught")  # noqa: T201 - the result
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

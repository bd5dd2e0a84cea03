"""The asset: what ships, what is left out, and when it is made anew.

That it runs is proved end to end, where the functions come from a bundle.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.bundle import (
    BOTOCORE_SERVICES,
    ENGINE_LOCK,
    FUNCTIONS,
    LOCK,
    BundleTarget,
    bundle_hash,
    copy_sources,
    leave_out,
    shipped_sources,
)

LAMBDA = BundleTarget()


def _write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """A small `functions/` with bytecode lying about."""
    folder = tmp_path / "functions"
    _write(folder / "issue" / "handler.py", "one")
    _write(folder / "shared" / "page.html", "<p>")
    _write(folder / "issue" / "__pycache__" / "handler.cpython-313.pyc", "bytecode")
    return folder


def test_all_but_bytecode_ships(functions: Path, tmp_path: Path) -> None:
    copy_sources(tmp_path / "out", functions)
    copied = {
        str(path.relative_to(tmp_path / "out"))
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert copied == {"functions/issue/handler.py", "functions/shared/page.html"}


def test_nothing_but_functions_ships() -> None:
    """No test, no infra, no notes: only what a function may import or read."""
    shipped = list(shipped_sources())
    assert all(path.is_relative_to(FUNCTIONS) for path in shipped)
    assert {path.suffix for path in shipped} <= {".py", ".html", ".css", ".js", ".json"}


def test_the_asset_is_named_by_what_decides_its_content(functions: Path, tmp_path: Path) -> None:
    lock = _write(tmp_path / "lock", "boto3==1")
    before = bundle_hash(LAMBDA, functions, lock)
    _write(functions / "issue" / "__pycache__" / "handler.cpython-313.pyc", "other bytecode")
    assert bundle_hash(LAMBDA, functions, lock) == before
    assert bundle_hash(BundleTarget("/usr/bin/python3"), functions, lock) != before
    assert bundle_hash(BundleTarget(with_engine=True), functions, lock) != before
    assert bundle_hash(LAMBDA, functions, _write(tmp_path / "lock", "boto3==2")) != before
    _write(tmp_path / "lock", "boto3==1")
    _write(functions / "issue" / "handler.py", "two")
    assert bundle_hash(LAMBDA, functions, lock) != before


def test_moving_text_between_files_is_a_change(tmp_path: Path) -> None:
    lock = _write(tmp_path / "lock")
    _write(tmp_path / "a" / "x.py", "12")
    _write(tmp_path / "a" / "y.py", "3")
    _write(tmp_path / "b" / "x.py", "1")
    _write(tmp_path / "b" / "y.py", "23")
    assert bundle_hash(LAMBDA, tmp_path / "a", lock) != bundle_hash(LAMBDA, tmp_path / "b", lock)


def test_only_what_runs_in_lambda_stays(tmp_path: Path) -> None:
    kept = [
        _write(tmp_path / "botocore" / "data" / "dynamodb" / "service-2.json"),
        _write(tmp_path / "botocore" / "data" / "endpoints.json"),
        _write(tmp_path / "botocore" / "docs" / "__init__.py"),
        _write(tmp_path / "pydantic" / "main.py"),
    ]
    gone = [
        _write(tmp_path / "botocore" / "data" / "ec2" / "service-2.json"),
        _write(tmp_path / "pydantic-2.0.dist-info" / "entry_points.txt"),
        _write(tmp_path / "boto3" / "examples" / "s3.rst"),
        _write(tmp_path / "bin" / "jp.py"),
    ]
    kept.append(_write(tmp_path / "duckdb-2.0.1.dist-info" / "METADATA"))
    leave_out(tmp_path)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)


def test_every_service_that_the_functions_call_is_in_the_asset() -> None:
    called = {
        name
        for path in FUNCTIONS.rglob("*.py")
        for name in re.findall(
            r"""(?:client|resource)\(\s*["']([a-z0-9-]+)["']""", path.read_text()
        )
    }
    assert "s3" in called
    assert called <= set(BOTOCORE_SERVICES)


@pytest.mark.parametrize("lock", [LOCK, ENGINE_LOCK])
def test_the_lock_pins_every_package_with_its_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    pins = re.findall(r"^([a-z0-9._-]+)==\S+", text, flags=re.MULTILINE)
    assert {"boto3", "pynamodb", "pydantic", "aws-lambda-powertools"} <= set(pins)
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text


def test_the_engine_is_all_that_the_reconcilers_asset_has_more() -> None:
    plain, engine = (
        set(re.findall(r"^(\S+==\S+)", lock.read_text(), flags=re.MULTILINE))
        for lock in (LOCK, ENGINE_LOCK)
    )
    assert [pin.partition("==")[0] for pin in engine - plain] == ["duckdb"]
    assert plain <= engine

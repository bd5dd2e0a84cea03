"""Where the files lie: a folder, or a bucket. Nothing else is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import boto3

_PART: Final = 1024 * 1024


class Source(Protocol):
    """Published files by their keys, as `journal/spring-2026/2026-01-05/manifest.json`."""

    def keys(self) -> Iterable[str]:
        """Every key, in order."""

    def read(self, key: str) -> bytes:
        """A file's bytes; FileNotFoundError where there is none."""

    def parts(self, key: str) -> Iterator[bytes]:
        """The same part by part, for a file of any size; the error comes at once."""


class Folder:
    """A folder that was downloaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self) -> Iterable[str]:
        """Every file below it; names that begin with a dot are no published files."""
        return sorted(
            path.relative_to(self._path).as_posix()
            for path in self._path.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )

    def read(self, key: str) -> bytes:
        """A file's bytes."""
        return (self._path / key).read_bytes()

    def parts(self, key: str) -> Iterator[bytes]:
        """The same part by part."""
        return _parts_of((self._path / key).open("rb"))


class Bucket:
    """A bucket, read with the caller's own credentials."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client: Any = boto3.client("s3")

    def keys(self) -> Iterable[str]:
        """Every key of the bucket."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name):
            for entry in page.get("Contents", ()):
                yield entry["Key"]

    def read(self, key: str) -> bytes:
        """An object's bytes."""
        data: bytes = self._body(key).read()
        return data

    def parts(self, key: str) -> Iterator[bytes]:
        """The same part by part."""
        found: Iterator[bytes] = self._body(key).iter_chunks(_PART)
        return found

    def _body(self, key: str) -> Any:  # noqa: ANN401 - boto3's
        try:
            return self._client.get_object(Bucket=self._name, Key=key)["Body"]
        except self._client.exceptions.NoSuchKey as error:
            raise FileNotFoundError(key) from error


def _parts_of(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(_PART):
            yield part


def source_of(place: str) -> Source:
    """The folder of that path, or the bucket of that name (also as `s3://name`).

    Raises:
        FileNotFoundError: a path that does not exist.

    """
    if place.startswith("s3://"):
        return Bucket(place.removeprefix("s3://").strip("/"))
    path = Path(place)
    if path.is_dir():
        return Folder(path)
    if "/" in place or "\\" in place or place.startswith("."):
        raise FileNotFoundError(place)
    return Bucket(place)

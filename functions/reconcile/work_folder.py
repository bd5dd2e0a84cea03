"""Working files: what one step of a large day or bill leaves for the steps after it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from functions.reconcile.day_plan import DayFault
from functions.shared.files.json_out import canonical
from functions.shared.store.objects import ObjectStore

_BYTES: Final = "application/octet-stream"
_JSON: Final = "application/json"


class WorkLost(DayFault):
    """A working file of a run is gone, or is not what its writer wrote."""


class WorkFolder:
    """The working files of one plan of one run; a step that is done again writes over its own.

    Args:
        work: the bucket of working files.
        prefix: of their keys, with its final slash.

    """

    def __init__(self, work: ObjectStore, prefix: str) -> None:
        self._work = work
        self._prefix = prefix

    def put(self, name: str, document: object) -> None:
        """Writes a document as JSON."""
        self._work.put(self._prefix + name, canonical(document), content_type=_JSON)

    def get(self, name: str) -> Any:  # noqa: ANN401 - as it was put
        """The document of that name.

        Raises:
            WorkLost: it is gone.

        """
        stored = self._work.get(self._prefix + name)
        if stored is None:
            raise WorkLost(f"{self._prefix}{name} is gone")
        return json.loads(stored.data)

    def put_file(self, name: str, path: Path) -> str:
        """Writes a file from disk, where it is gone afterwards; the SHA-256 of its bytes."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            self._work.put(self._prefix + name, file, content_type=_BYTES)
        path.unlink()
        return sha256

    def fetch(self, name: str, path: Path, sha256: str) -> None:
        """Writes the bytes of that name to a file on disk.

        Raises:
            WorkLost: they are gone, or others.

        """
        stored = self._work.fetch(self._prefix + name, path)
        if stored is None or stored.sha256 != sha256:
            raise WorkLost(f"{self._prefix}{name} is gone or altered")

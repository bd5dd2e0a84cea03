"""What each kind of published file is called over HTTP."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_BY_ENDING: Final = MappingProxyType(
    {
        "csv": "text/csv; charset=utf-8",
        "html": "text/html; charset=utf-8",
        "json": "application/json",
        "jsonl": "application/x-ndjson",
        "pem": "application/x-pem-file",
        "sig": "application/octet-stream",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xml": "application/xml",
    }
)


def media_type_of(name: str) -> str:
    """The media type of a file by the ending of its name or key.

    Raises:
        KeyError: no published file ends so.

    """
    return _BY_ENDING[name.rpartition(".")[2]]

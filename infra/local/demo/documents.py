"""Campaign documents that the local stack plays."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any

_CAMPAIGNS = Path(__file__).parents[3] / "campaigns"


def shijingshan() -> dict[str, Any]:
    """The Shijingshan campaign as published."""
    document: dict[str, Any] = json.loads((_CAMPAIGNS / "shijingshan-2026.json").read_text("utf-8"))
    return document


def rebased(document: dict[str, Any], *, opens_at: datetime) -> dict[str, Any]:
    """The document with all its rounds moved so that the first opens then."""
    moved = copy.deepcopy(document)
    shift = opens_at - datetime.fromisoformat(document["rounds"][0]["opens_at"])
    for in_round in moved["rounds"]:
        for edge in ("opens_at", "closes_at"):
            in_round[edge] = (datetime.fromisoformat(in_round[edge]) + shift).isoformat()
    return moved

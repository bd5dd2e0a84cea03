"""Fields of data classes by name, for tests that go over many of them."""

from __future__ import annotations

from typing import Any


def field(name: str, value: object) -> dict[str, Any]:
    """One keyword argument of `dataclasses.replace`, whose type mypy cannot know by name."""
    return {name: value}

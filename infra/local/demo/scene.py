"""The scene of the demonstration: who takes part, and what every answer is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from functions.shared.domain.errors import Code
from infra.local.client import Response
from infra.local.demo.bureau import Bureau
from infra.local.demo.documents import shijingshan
from infra.local.demo.platform import Platform
from infra.local.stack import LocalStack


class DemoFailed(Exception):
    """Something is not as it must be; the demonstration stops there."""


@dataclass
class Scene:
    """The running stack, the bureau and the platforms.

    Args:
        stack: the local stack, running.
        progress: wraps what takes longer than a second.
        say: tells the user what was done.

    """

    stack: LocalStack
    progress: Callable[..., Iterable[Any]]
    say: Callable[[str], None]
    refusals: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.document = shijingshan()
        self.bureau = Bureau(
            self.stack.client(self.stack.keys.operator), self.stack.client(self.stack.keys.approver)
        )
        self.platforms = [
            Platform(name, self.stack.client(key), self.document["campaign_id"])
            for name, key in sorted(self.stack.keys.platforms.items())
        ]

    def expect(self, response: Response, status: int) -> dict[str, Any]:
        """The body of an answer that must have that status."""
        if response.status != status:
            raise DemoFailed(f"{status} expected, got {response.status}: {response.json}")
        body: dict[str, Any] = response.json
        return body

    def refused(self, response: Response, code: Code) -> None:
        """Counts a refusal that must have come with that code."""
        body = response.json or {}
        if body.get("code") != code:
            raise DemoFailed(f"{code} expected, got {response.status}: {body}")
        self.refusals[code.value] += 1

    def check(self, *, what: str, expected: object, found: object) -> None:
        """Stops unless the two are equal."""
        if expected != found:
            raise DemoFailed(f"{what}: {expected} expected, found {found}")

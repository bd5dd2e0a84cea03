"""The choices of a deployment are checked before anything is synthesized."""

from __future__ import annotations

import pytest

from infra.app import committed_context
from infra.deployment import CONTEXT_KEY, Deployment


def test_what_is_committed_trusts_nobody() -> None:
    """A platform's account is named by whoever deploys, never by a file of the project."""
    deployment = Deployment.from_context(committed_context()[CONTEXT_KEY])
    assert deployment == Deployment()
    assert deployment.platforms == {}


def test_a_value_of_the_command_line_is_json() -> None:
    given = Deployment.from_context('{"throttle_rate": 50, "alarm_emails": ["duty@example.com"]}')
    assert given == Deployment(throttle_rate=50, alarm_emails=("duty@example.com",))


@pytest.mark.parametrize(
    "context",
    [
        {"platform": {}},
        {"prefix": "Huimin-"},
        {"prefix": "huimin"},
        {"platforms": {"unionpay": "12345"}},
        {"platforms": {"../etc": "111122223333"}},
        {"throttle_rate": 0},
        {"throttle_burst": True},
        {"object_lock_days": "365"},
    ],
)
def test_a_mistaken_value_is_refused(context: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"huimin|prefix|platform|positive"):
        Deployment.from_context(context)

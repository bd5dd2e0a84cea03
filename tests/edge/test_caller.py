"""Who calls is read from the verified ARN, or the call is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.caller import (
    KNOWN_FOR,
    MOST_REMEMBERED,
    UNKNOWN_FOR,
    RememberedPlatforms,
    identify,
    parse_user_arn,
    principal_arn,
)
from functions.shared.edge.routes import Role

ROLE = "arn:aws-cn:iam::123456789012:role/huimin-operator"


@pytest.mark.parametrize(
    ("arn", "principal", "person"),
    [
        ("arn:aws-cn:sts::123456789012:assumed-role/huimin-operator/li.na", ROLE, "li.na"),
        ("arn:aws-cn:sts::123456789012:assumed-role/a/path/huimin-operator/li.na", ROLE, "li.na"),
        ("arn:aws:sts::123456789012:assumed-role/r/a@b.cn", "arn:aws:iam::123456789012:role/r",
         "a@b.cn"),
        ("arn:aws:iam::123456789012:user/ops/wang", "arn:aws:iam::123456789012:user/wang", "wang"),
        ("arn:aws-us-gov:iam::123456789012:user/w", "arn:aws-us-gov:iam::123456789012:user/w", "w"),
        ("arn:aws-cn:iam::123456789012:role/x/huimin-operator", ROLE, "huimin-operator"),
    ],
)  # fmt: skip
def test_principal_and_person_are_read(arn: str, principal: str, person: str) -> None:
    parsed = parse_user_arn(arn)
    assert parsed is not None
    assert (parsed.arn, parsed.person) == (principal, person)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "anonymous",
        "arn:aws-cn:iam::123456789012:root",
        "arn:aws-cn:sts::123456789012:federated-user/li.na",
        "arn:aws-cn:sts::123456789012:assumed-role/huimin-operator",
        "arn:aws-cn:sts::123456789012:assumed-role/huimin-operator/",
        "arn:aws-cn:sts::123456789012:assumed-role//li.na",
        "arn:aws-cn:sts::12345678901:assumed-role/huimin-operator/li.na",
        "arn:aws-cn:iam::123456789012:assumed-role/huimin-operator/li.na",
        "arn:aws-cn:sts::123456789012:role/huimin-operator",
        "arn:aws-cn:sts::123456789012:assumed-role/huimin-operator/li na",
        "arn:aws-cn:sts::123456789012:assumed-role/huimin-operator/li.na\n",
        "arn:aws-cn:sts::123456789012:assumed-role/huimin-operator/李娜",
        "arn:evil:sts::123456789012:assumed-role/huimin-operator/li.na",
        "arn:aws-cn:s3:::123456789012/huimin-operator",
        "arn:aws-cn:sts::123456789012:assumed-role/" + "a/" * 2_000 + "li.na",
    ],
)
def test_anything_else_is_nobody(arn: str) -> None:
    assert parse_user_arn(arn) is None


@given(st.text() | st.from_regex(r"arn:aws:(iam|sts)::\d{12}:[a-z-]+/.*"))
def test_any_text_is_somebody_whose_arn_stays_the_same_or_nobody(arn: str) -> None:
    principal = principal_arn(arn)
    assert principal is None or principal_arn(principal) == principal


def event(arn: object) -> dict[str, object]:
    return {"requestContext": {"identity": {"userArn": arn}}}


def test_role_of_the_bureau_is_never_a_platforms() -> None:
    caller = identify(
        event("arn:aws-cn:sts::123456789012:assumed-role/huimin-operator/li.na"),
        {ROLE: Role.OPERATOR},
        lambda _: "unionpay",
    )
    assert (caller.role, caller.platform_id, caller.person) == (Role.OPERATOR, None, "li.na")


@pytest.mark.parametrize("arn", [None, 7, [], {}, "rubbish"])
def test_identity_of_another_type_is_refused_without_asking_the_registry(arn: object) -> None:
    def never(_arn: str) -> str:
        raise AssertionError("the registry was asked")

    with pytest.raises(HuiminError) as caught:
        identify(event(arn), {}, never)
    assert caught.value.code is Code.NOT_ALLOWED


class Registry:
    """Platforms by ARN, a clock that a test moves, and how often the registry was asked."""

    def __init__(self) -> None:
        self.platforms: dict[str, str] = {}
        self.asked: list[str] = []
        self.time = datetime(2026, 1, 3, tzinfo=UTC)
        self.remembered = RememberedPlatforms(self.find, lambda: self.time)

    def find(self, arn: str) -> str | None:
        """The platform, after noting the question."""
        self.asked.append(arn)
        return self.platforms.get(arn)


def test_platform_is_remembered_for_a_minute() -> None:
    registry = Registry()
    registry.platforms["a"] = "unionpay"
    assert registry.remembered("a") == "unionpay"
    del registry.platforms["a"]
    registry.time += KNOWN_FOR - timedelta(milliseconds=1)
    assert registry.remembered("a") == "unionpay"
    assert registry.asked == ["a"]
    registry.time += timedelta(milliseconds=1)
    assert registry.remembered("a") is None


def test_nobody_is_remembered_for_five_seconds_only() -> None:
    registry = Registry()
    assert registry.remembered("a") is None
    registry.platforms["a"] = "unionpay"
    registry.time += UNKNOWN_FOR - timedelta(milliseconds=1)
    assert registry.remembered("a") is None
    registry.time += timedelta(milliseconds=1)
    assert registry.remembered("a") == "unionpay"


def test_clock_set_back_forgets() -> None:
    registry = Registry()
    registry.remembered("a")
    registry.time -= timedelta(seconds=1)
    registry.remembered("a")
    assert registry.asked == ["a", "a"]


def test_memory_is_bounded_and_loses_the_oldest() -> None:
    registry = Registry()
    for number in range(MOST_REMEMBERED + 1):
        registry.remembered(str(number))
    registry.asked.clear()
    registry.remembered(str(MOST_REMEMBERED))
    assert registry.asked == []
    registry.remembered("0")
    assert registry.asked == ["0"]


def test_failure_of_the_registry_is_passed_on_and_not_remembered() -> None:
    def fail(_arn: str) -> str:
        raise ConnectionError

    remembered = RememberedPlatforms(fail, lambda: datetime(2026, 1, 3, tzinfo=UTC))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            remembered("a")


def test_forgetting_asks_anew() -> None:
    registry = Registry()
    registry.remembered("a")
    registry.remembered.forget()
    registry.remembered("a")
    assert registry.asked == ["a", "a"]

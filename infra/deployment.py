"""What may differ between two deployments; everything else is the same everywhere.

The values come from the object `huimin` in the context of cdk.json, or from `-c huimin={...}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

CONTEXT_KEY = "huimin"

_PREFIX = re.compile(r"[a-z][a-z0-9-]{1,18}-")
_PLATFORM_ID = re.compile(r"[a-z][a-z0-9-]{1,31}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_EVENT_BUS = re.compile(r"arn:aws(-cn)?:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The choices of one deployment.

    Args:
        prefix: begins every physical name; lower case, ends in a hyphen.
        platforms: platform id -> the AWS account whose principals may take that platform's role.
        platform_buses: platform id -> the ARN of its own event bus, which gets its news.
        alarm_emails: who is told when an alarm goes off; each confirms by mail once.
        throttle_rate: requests per second that the API takes, all callers together.
        throttle_burst: requests that it takes at once above that rate.
        object_lock_days: days for which no file can be overwritten or deleted (governance mode).
        interpreter: a Python to bundle for instead of Lambda's, for an emulator on this machine.

    """

    prefix: str = "huimin-"
    platforms: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    platform_buses: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    alarm_emails: tuple[str, ...] = ()
    throttle_rate: int = 10_000
    throttle_burst: int = 5_000
    object_lock_days: int = 365
    interpreter: str | None = None

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"prefix {self.prefix!r} must match {_PREFIX.pattern}")
        for platform_id, account in self.platforms.items():
            if not _PLATFORM_ID.fullmatch(platform_id) or not _ACCOUNT.fullmatch(account):
                raise ValueError(f"platform {platform_id!r}: {account!r} is no id and account")
        for platform_id, arn in self.platform_buses.items():
            if platform_id not in self.platforms or not _EVENT_BUS.fullmatch(arn):
                raise ValueError(f"platform_buses: {platform_id!r}: {arn!r} is no platform and bus")
        for name in ("throttle_rate", "throttle_burst", "object_lock_days"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a positive integer, not {value!r}")

    @classmethod
    def from_context(cls, context: Any) -> Deployment:  # noqa: ANN401 - whatever JSON holds
        """The deployment that a context value describes; ValueError for a name it does not know.

        A value given on CDK's command line arrives as JSON text, one from cdk.json as an object.
        """
        values = json.loads(context) if isinstance(context, str) else dict(context or {})
        unknown = values.keys() - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"context {CONTEXT_KEY!r} has unknown names: {sorted(unknown)}")
        if "alarm_emails" in values:
            values["alarm_emails"] = tuple(values["alarm_emails"])
        return cls(**values)

"""What the environment says, read at first use and never at import.

HUIMIN_TABLE_PREFIX    what the names of tables begin with (default "huimin-")
HUIMIN_FILES_BUCKET    the bucket of bills, settlements and reports
HUIMIN_SECRET_ID       the Secrets Manager secret that `secrets.derive_keys` reads
HUIMIN_WORK_BUCKET     the bucket of working files, which end by themselves
HUIMIN_DAY_MACHINE     the ARN of the state machine that does days too large for one function
HUIMIN_DAY_ROWS        how many entries or bill rows of a day one function takes
HUIMIN_DAY_BYTES       how large a bill one function takes in
HUIMIN_BUREAU_ROLES    JSON: role ARNs of "operator", "approver" and "auditor"
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache, cached_property

from functions.shared.edge.caller import principal_arn
from functions.shared.edge.routes import BUREAU, Role


class SettingError(Exception):
    """A variable of the environment is missing or wrong; names it, never repeats its value."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(f"{name} {fault}")
        self.name = name


class Settings:
    """One function's settings; each is checked when first asked for.

    A function asks only for what it needs, so a missing bucket stops no claim.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @cached_property
    def table_prefix(self) -> str:
        """What the names of all tables begin with."""
        return self._environment.get("HUIMIN_TABLE_PREFIX", "huimin-")

    @cached_property
    def files_bucket(self) -> str:
        """The name of the bucket of files."""
        return self._required("HUIMIN_FILES_BUCKET")

    @cached_property
    def work_bucket(self) -> str:
        """The name of the bucket of working files."""
        return self._required("HUIMIN_WORK_BUCKET")

    @cached_property
    def day_machine(self) -> str:
        """The ARN of the state machine for large days; empty where one process does them all."""
        return self._environment.get("HUIMIN_DAY_MACHINE", "")

    @cached_property
    def signing_key(self) -> str:
        """The ARN of the key that signs what people and the bank are to trust."""
        return self._required("HUIMIN_SIGNING_KEY")

    @cached_property
    def day_rows(self) -> int:
        """How many entries, or bill rows, of a day one function takes."""
        return self._number("HUIMIN_DAY_ROWS")

    @cached_property
    def day_bytes(self) -> int:
        """How large a bill one function takes in."""
        return self._number("HUIMIN_DAY_BYTES")

    @cached_property
    def secret_id(self) -> str:
        """The name or ARN of the secret that keys are derived from."""
        return self._required("HUIMIN_SECRET_ID")

    @cached_property
    def event_bus(self) -> str:
        """The name of the bus that news is put on."""
        return self._required("HUIMIN_EVENT_BUS")

    @cached_property
    def bureau_roles(self) -> Mapping[str, Role]:
        """The bureau's role of a principal's ARN, as `caller.principal_arn` writes ARNs.

        Raises:
            SettingError: also if two roles share one ARN, as a maker could then approve.

        """
        name = "HUIMIN_BUREAU_ROLES"
        try:
            arns = json.loads(self._required(name))
        except json.JSONDecodeError:
            raise SettingError(name, "is not JSON") from None
        if not isinstance(arns, dict) or set(arns) != {role.value for role in BUREAU}:
            raise SettingError(name, "must name exactly operator, approver and auditor")
        roles: dict[str, Role] = {}
        for role, arn in arns.items():
            principal = principal_arn(arn) if isinstance(arn, str) else None
            if principal is None:
                raise SettingError(name, f"must give the ARN of an IAM role for {role}")
            roles[principal] = Role(role)
        if len(roles) != len(arns):
            raise SettingError(name, "must give each role an ARN of its own")
        return roles

    def _number(self, name: str) -> int:
        text = self._required(name)
        if not text.isascii() or not text.isdigit():
            raise SettingError(name, "must be a whole number")
        return int(text)

    def _required(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise SettingError(name, "is not set")
        return value


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings(os.environ)


def forget() -> None:
    """Read the environment anew at the next use; for the local stack and tests."""
    settings.cache_clear()

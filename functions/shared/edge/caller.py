"""Who calls: from the ARN that API Gateway verified to a role, a platform and a person.

The gateway has checked the signature; what stands in `requestContext.identity.userArn` is true.
Anything missing or not understood there is refused, never guessed.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.routes import Role

FindPlatform = Callable[[str], str | None]
"""From a principal's ARN to the id of the platform that is registered with it, if any."""

KNOWN_FOR: Final = timedelta(seconds=60)
"""How long a platform's registration is remembered: a revoked one is served no longer."""

UNKNOWN_FOR: Final = timedelta(seconds=5)
"""How long an unknown principal is remembered: a new platform waits no longer."""

MOST_REMEMBERED: Final = 256

_LONGEST_ARN: Final = 2_048
_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):(?P<service>iam|sts)::(?P<account>[0-9]{12}):"
    r"(?P<kind>role|user|assumed-role)/(?P<rest>[\x21-\x7e]+)"
)
# Source: the IAM API reference, for RoleName, UserName and RoleSessionName.
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_SERVICE_OF = {"role": "iam", "user": "iam", "assumed-role": "sts"}


@dataclass(frozen=True, slots=True)
class Principal:
    """The role or user that signed, and the person who used it.

    Args:
        arn: as `principal_arn` writes it.
        person: the session's name for a role, the user's name for a user.

    """

    arn: str
    person: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as use cases need it.

    Args:
        role: what the caller may do.
        platform_id: whose vouchers and orders the caller sees; None for the bureau.
        person: who is behind the role; two approvals must not come from one person.
        arn: the principal's ARN.

    """

    role: Role
    platform_id: str | None
    person: str
    arn: str


def principal_arn(arn: str) -> str | None:
    """The one written form of a role's or user's ARN, or None if it is neither.

    Without the path: STS leaves a role's path out of the ARN of its sessions, so a role that is
    registered with its path could otherwise never be recognised. Names are unique within an
    account whatever their path is. A session's ARN gives its role's.
    """
    principal = parse_user_arn(arn)
    return principal.arn if principal else None


def parse_user_arn(arn: str) -> Principal | None:
    """The principal of an ARN of a role's session, a role or a user; None for anything else.

    The root user, federated users and AWS services are nobody here.
    """
    match = _ARN.fullmatch(arn) if len(arn) <= _LONGEST_ARN else None
    if match is None or _SERVICE_OF[match["kind"]] != match["service"]:
        return None
    names = match["rest"].split("/")
    is_session = match["kind"] == "assumed-role"
    person = names.pop() if is_session else names[-1]
    if not names or not _NAME.fullmatch(names[-1]) or not _NAME.fullmatch(person):
        return None
    kind = "user" if match["kind"] == "user" else "role"
    account = f"arn:{match['partition']}:iam::{match['account']}"
    return Principal(arn=f"{account}:{kind}/{names[-1]}", person=person)


def identify(
    event: Mapping[str, Any], bureau_roles: Mapping[str, Role], find_platform: FindPlatform
) -> Caller:
    """The caller of a REST proxy event.

    Args:
        event: as API Gateway sends it.
        bureau_roles: roles of the bureau by `principal_arn`; they are never a platform's.
        find_platform: the registry.

    Raises:
        HuiminError: NOT_ALLOWED, if the identity is missing, malformed or unknown.

    """
    principal = parse_user_arn(_user_arn(event))
    if principal is None:
        raise HuiminError(Code.NOT_ALLOWED)
    role = bureau_roles.get(principal.arn)
    if role is not None:
        return Caller(role, None, principal.person, principal.arn)
    platform_id = find_platform(principal.arn)
    if platform_id is None:
        raise HuiminError(Code.NOT_ALLOWED)
    return Caller(Role.PLATFORM, platform_id, principal.person, principal.arn)


def _user_arn(event: Mapping[str, Any]) -> str:
    match event:
        case {"requestContext": {"identity": {"userArn": str(arn)}}}:
            return arn
        case _:
            return ""


class RememberedPlatforms:
    """A registry look-up that is remembered for a minute, so that a warm call costs no read.

    Args:
        find_platform: the registry itself; its errors are passed on and not remembered.
        now: the clock.

    """

    def __init__(self, find_platform: FindPlatform, now: Callable[[], datetime]) -> None:
        self._find = find_platform
        self._now = now
        self._remembered: OrderedDict[str, tuple[datetime, str | None]] = OrderedDict()

    def __call__(self, arn: str) -> str | None:
        """The platform's id, at most KNOWN_FOR old, or None, at most UNKNOWN_FOR old."""
        now = self._now()
        remembered = self._remembered.get(arn)
        if remembered is not None:
            since, platform_id = remembered
            # A clock that was set back makes memories of the future: they are not trusted.
            if since <= now < since + (UNKNOWN_FOR if platform_id is None else KNOWN_FOR):
                return platform_id
        platform_id = self._find(arn)
        self._remembered[arn] = (now, platform_id)
        self._remembered.move_to_end(arn)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return platform_id

    def forget(self) -> None:
        """Ask the registry anew for every principal."""
        self._remembered.clear()

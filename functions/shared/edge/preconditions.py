"""Versions as entity tags, and the conditions that a change states about them (RFC 9110, 13.1)."""

from __future__ import annotations

import re
from typing import Final

from functions.shared.domain.errors import Code, HuiminError

_VERSION_TAG: Final = r'"([1-9][0-9]{0,17})"'
NOTHING_STORED: Final = 0


def entity_tag(version: int) -> str:
    """The ETag of a version, as `"3"`."""
    return f'"{version}"'


def if_match(header: str | None) -> int | None:
    """The version that If-Match names, or None without the header.

    Only one strong tag is taken: `*` and lists would let a change through without saying which
    version it was made from.

    Raises:
        HuiminError: INVALID_FIELDS.

    """
    if header is None:
        return None
    match = re.fullmatch(_VERSION_TAG, header.strip())
    if match is None:
        raise _invalid(
            "If-Match",
            'must be one version in double quotes, as "3", without W/',
            '必须是一个带双引号的版本号，例如 "3"，且不带 W/',
        )
    return int(match[1])


def if_none_match(header: str | None) -> bool:
    """Whether If-None-Match: * was sent: make it only if nothing is stored.

    Raises:
        HuiminError: INVALID_FIELDS, for anything but `*`.

    """
    if header is None:
        return False
    if header.strip() != "*":
        raise _invalid("If-None-Match", "must be *", "只能是 *")
    return True


def expected_version(match_header: str | None, none_match_header: str | None) -> int:
    """The version that a change expects to find stored; NOTHING_STORED to make something new.

    Raises:
        HuiminError: VERSION_REQUIRED without either header; INVALID_FIELDS with both, or malformed.

    """
    version, is_new = if_match(match_header), if_none_match(none_match_header)
    if is_new and version is not None:
        raise _invalid("If-None-Match", "must not come with If-Match", "不能与 If-Match 同时使用")
    if is_new:
        return NOTHING_STORED
    if version is None:
        raise HuiminError(Code.VERSION_REQUIRED)
    return version


def _invalid(header: str, en: str, zh: str) -> HuiminError:
    return HuiminError(Code.INVALID_FIELDS, errors=[{"header": header, "en": en, "zh": zh}])

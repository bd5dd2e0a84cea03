"""HTML and SVG elements whose text is always escaped: a page cannot forget to.

Plain `str` is text and is escaped where it enters an element; only `element` makes `Markup`.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Attributes: TypeAlias = "Mapping[str, str | int]"

_VOID = frozenset({"meta", "link", "br", "hr"})
# HTML has no form for these, not even as a character reference.
_NOT_IN_HTML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


class Markup(str):
    """Finished markup, which is not escaped again."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """The text as markup; markup stays as it is."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_NOT_IN_HTML.sub("\ufffd", text), quote=True))


def element(name: str, attributes: Attributes | None = None, *inside: str) -> Markup:
    """One element: attributes quoted and escaped, text inside escaped, markup inside kept."""
    written = "".join(
        f' {key}="{escaped(str(value))}"' for key, value in (attributes or {}).items()
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(inside)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """The parts one after another, text escaped."""
    return Markup("".join(escaped(part) for part in parts))

"""How a large day or bill is dealt to functions: pieces that are cut, and shares of slices.

    pieces (a segment of the ledger, a chunk of a bill) ──cut──> slices ──dealt──> shares

A share is every so-many-th slice, so that all its slices are of one segment of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from functions.shared.domain.ledger import DAY_SEGMENTS, DAY_SLICES

SHARE_ROWS: Final = 500_000
"""How many entries, and how many bill rows, one function takes of a day that many do."""

CHUNK_BYTES: Final = 256 * 1024 * 1024
"""How many bytes of a bill one function reads."""


class PieceKind(StrEnum):
    """What is split."""

    LEDGER = "LEDGER"
    CHUNK = "CHUNK"
    HASH = "HASH"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a day or a bill, for one function.

    Args:
        kind: a segment of the ledger, a chunk of a bill, or the hash of a whole bill.
        number: of the segment or of the chunk.
        version: of the bill; 0 where there is only one.

    """

    kind: PieceKind
    number: int = 0
    version: int = 0

    @classmethod
    def chunk(cls, number: int) -> Piece:
        """A chunk of the only bill."""
        return cls(PieceKind.CHUNK, number)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Piece:
        """What `to_document` gave."""
        return cls(PieceKind(document["kind"]), document["number"], document["version"])

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "kind": self.kind.value}


def slices_of_share(share: int, shares: int) -> range:
    """The slices of a share.

    Args:
        share: from 0 to shares - 1.
        shares: how many there are.

    """
    return range(share, DAY_SLICES, shares)


def segment_of_share(share: int) -> int:
    """The segment of the day that a share's slices are of."""
    return share % DAY_SEGMENTS


def shares_for(rows: Callable[[Sequence[int]], int], most: int) -> int:
    """Into how many shares rows are dealt: as few as hold `most` each, where that can be.

    Args:
        rows: how many some slices have.
        most: how many one function takes.

    """
    shares = DAY_SEGMENTS
    while shares < DAY_SLICES and any(
        rows(slices_of_share(share, shares)) > most for share in range(shares)
    ):
        shares *= 2
    return shares

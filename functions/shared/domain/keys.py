"""The keys that hide persons and make ids unguessable, derived from one stored secret.

One master secret, so that there is one thing to guard; the keys are derived from it under
different labels, so that neither tells the other. It is not rotated in place: refs and ids made
with the old keys must be found again for as long as a number stays used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Final

# 32 characters of even a hexadecimal alphabet are 128 bits.
LEAST_MASTER_CHARACTERS: Final = 32
_FAULT = "the secret must be JSON with a master of 32 characters or more and a version from 1"


@dataclass(frozen=True, slots=True)
class Keys:
    """Derived keys, 32 bytes each; their values stay out of `repr`, and so out of logs.

    Args:
        person_key: for `identity.person_ref`.
        person_key_version: part of each ref.
        id_key: for ids and cursors.

    """

    person_key: bytes = field(repr=False)
    person_key_version: int
    id_key: bytes = field(repr=False)


def derive_keys(secret_text: str) -> Keys:
    """The keys of a secret's text: JSON `{"master": str, "version": int}`.

    Raises:
        ValueError: for any other text; the message repeats nothing of it.

    """
    try:
        secret = json.loads(secret_text)
    except json.JSONDecodeError:
        secret = None
    match secret:
        case {"master": str(master), "version": int(version)} if (
            len(master) >= LEAST_MASTER_CHARACTERS and version >= 1 and version is not True
        ):
            return Keys(
                person_key=_derived(master, "huimin person key"),
                person_key_version=version,
                id_key=_derived(master, "huimin id key"),
            )
    # Raised out here: the decoder's error would carry the secret along.
    raise ValueError(_FAULT)


def _derived(master: str, label: str) -> bytes:
    return hmac.new(master.encode(), label.encode(), hashlib.sha256).digest()

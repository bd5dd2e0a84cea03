"""Signatures of instructions and statements, verified with the public key beside them.

A key that lies beside what it signed proves that both come from one hand; whose hand it is, its
fingerprint tells, compared with what the bureau gives on paper. Or the key is given, and no other
counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from functions.shared.files.manifest import Manifest
from infra.audit.sources import Source

SIGNED: Final = ("pain.001.xml", "statement.html")
KEY_FILE: Final = "signing-key.pem"


class Seals:
    """The signatures of an audit.

    Args:
        trusted: public keys in PEM that alone may have signed; empty for whatever key there is.

    Raises:
        ValueError: one of them is no RSA public key.

    """

    def __init__(self, trusted: Iterable[bytes] = ()) -> None:
        keys = [_key_of(pem) for pem in trusted]
        if None in keys:
            raise ValueError("not an RSA public key in PEM")
        self._trusted = frozenset(fingerprint_of(key) for key in keys if key is not None)
        self.fingerprints: set[str] = set()
        self.count = 0

    def check(self, source: Source, prefix: str, manifest: Manifest) -> Iterator[str]:
        """What is wrong with the signatures of a payment's set."""
        try:
            key = _key_of(source.read(prefix + KEY_FILE))
        except FileNotFoundError:
            key = None
        if key is None:
            yield "there is no key that its signatures could be verified with"
            return
        fingerprint = fingerprint_of(key)
        self.fingerprints.add(fingerprint)
        if manifest.inputs.get("signing_key") != fingerprint:
            yield "its manifest names another signing key"
        if self._trusted and fingerprint not in self._trusted:
            yield f"it is signed with a key that is not the given one: {fingerprint}"
        for name in SIGNED:
            if not _is_signed(source, prefix + name, key):
                yield f"the signature of {name} is not valid"
            self.count += 1


def fingerprint_of(key: rsa.RSAPublicKey) -> str:
    """SHA-256 of the key in DER, in hex."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def _key_of(pem: bytes) -> rsa.RSAPublicKey | None:
    """The RSA key that a file holds; None where it holds none."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPublicKey) else None


def _is_signed(source: Source, place: str, key: rsa.RSAPublicKey) -> bool:
    try:
        signature, data = source.read(f"{place}.sig"), source.read(place)
        key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except (FileNotFoundError, InvalidSignature):
        return False
    return True

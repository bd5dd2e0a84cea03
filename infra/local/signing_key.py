"""The signing key of the local stack: the same on every machine, and good for nothing else.

A demonstration that is played twice gives the same bytes, signatures too, so the key cannot be a
random one. It follows from its name alone, as anybody can see: it protects nothing.

moto signs a digest as if it were a message, and hashes it once more; AWS does not.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any, Final
from unittest.mock import patch

import boto3
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from functions.shared.store.signing import ALGORITHM

_EXPONENT: Final = 65_537
_PRIME_BYTES: Final = 192
# The first primes behind what the names hash to.
_BEHIND: Final = {"p": 176, "q": 534}


class LocalSigningKey:
    """An RSA key in the place of the random one that moto makes."""

    def __init__(self) -> None:
        p, q = (_prime(name) for name in _BEHIND)
        d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
        self._key = rsa.RSAPrivateNumbers(
            p=p,
            q=q,
            d=d,
            dmp1=d % (p - 1),
            dmq1=d % (q - 1),
            iqmp=rsa.rsa_crt_iqmp(p, q),
            public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
        ).private_key(unsafe_skip_rsa_key_validation=True)

    def sign(self, message: bytes, signing_algorithm: str) -> bytes:
        """The signature of a SHA-256 digest; moto calls it."""
        if signing_algorithm != ALGORITHM:
            raise ValueError(f"the local key signs with {ALGORITHM}, not {signing_algorithm}")
        return self._key.sign(message, padding.PKCS1v15(), Prehashed(hashes.SHA256()))

    def public_key(self) -> bytes:
        """In DER; moto calls it."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def make_signing_key(alias: str) -> None:
    """Makes the key in moto, under an alias."""
    kms: Any = boto3.client("kms")
    with patch("moto.kms.models.generate_private_key", lambda _: _local_key()):
        made = kms.create_key(KeySpec="RSA_3072", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])


@cache
def _local_key() -> LocalSigningKey:
    return LocalSigningKey()


def _prime(name: str) -> int:
    digest = hashlib.shake_256(f"huimin local signing key {name}".encode()).digest(_PRIME_BYTES)
    # Both highest bits, so that the product has all its bits; and odd.
    highest = 3 << (8 * _PRIME_BYTES - 2)
    return (int.from_bytes(digest, "big") | highest | 1) + _BEHIND[name]

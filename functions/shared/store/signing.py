"""Signatures of files, made with a key that never leaves the key management service.

RSA with PKCS #1 v1.5 padding and SHA-256: the same file has the same signature, so that a run that
writes a set again writes the same bytes. Anybody verifies one with the public key alone:

    openssl dgst -sha256 -verify signing-key.pem -signature statement.html.sig statement.html
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config

ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"
_PEM_COLUMNS: Final = 64


class Signer:
    """One key of the kind SIGN_VERIFY.

    Args:
        key_id: its id, ARN or alias.

    """

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id

    def sign(self, data: bytes) -> bytes:
        """The signature of a file of any size.

        Raises:
            ClientError: the key is not there, or may not be used.

        """
        answer = self._client.sign(
            KeyId=self._key_id,
            Message=hashlib.sha256(data).digest(),
            MessageType="DIGEST",
            SigningAlgorithm=ALGORITHM,
        )
        signature: bytes = answer["Signature"]
        return signature

    @property
    def public_key(self) -> bytes:
        """The public key in PEM, as openssl and others read it."""
        lines = textwrap.wrap(base64.b64encode(self._public_der).decode(), _PEM_COLUMNS)
        return "\n".join(
            ["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]
        ).encode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in DER, in hex: what people compare."""
        return hashlib.sha256(self._public_der).hexdigest()

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 clients have no static type
        config = Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 3})
        return boto3.client("kms", config=config)

    @cached_property
    def _public_der(self) -> bytes:
        found: bytes = self._client.get_public_key(KeyId=self._key_id)["PublicKey"]
        return found

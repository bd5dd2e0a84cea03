"""The deployment's secret, fetched once per process."""

from __future__ import annotations

import boto3
from botocore.config import Config


def fetch_secret(secret_id: str) -> str:
    """The secret's text as Secrets Manager has it now."""
    client = boto3.client(
        "secretsmanager",
        config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 3}),
    )
    text: str = client.get_secret_value(SecretId=secret_id)["SecretString"]
    return text

"""The deployment's secret, fetched once per process."""

from __future__ import annotations

import botocore.session
from botocore.config import Config


def fetch_secret(secret_id: str) -> str:
    """The secret's text as Secrets Manager has it now."""
    # Not boto3: it adds s3transfer and multiprocessing to a cold start, and nothing to this call.
    client = botocore.session.get_session().create_client(
        "secretsmanager",
        config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 3}),
    )
    text: str = client.get_secret_value(SecretId=secret_id)["SecretString"]
    return text

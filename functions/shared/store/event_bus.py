"""The event bus: news is put on it as EventBridge takes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.shared.domain.news import SOURCE, News

ENTRIES_PER_CALL: Final = 10
"""EventBridge takes no more at once."""


class EventBus:
    """One bus. A client is made on first use.

    Args:
        name: of the bus.
        source: what the CloudEvents name as theirs.

    """

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._source = source
        self._made: Any = None

    @property
    def client(self) -> Any:  # noqa: ANN401 - botocore clients have no static type
        """The botocore client, for fault injection in tests."""
        if self._made is None:
            # The caller repeats what failed: three tries here only spare it short throttling.
            config = Config(
                connect_timeout=1,
                read_timeout=5,
                retries={"total_max_attempts": 3, "mode": "standard"},
            )
            self._made = boto3.client("events", config=config)
        return self._made

    def publish(self, news: Sequence[News], *, is_replay: bool = False) -> list[bool]:
        """Puts the news on the bus; for each piece, whether the bus has taken it for sure.

        What was not taken for sure may be on the bus all the same, after a lost answer.
        """
        taken: list[bool] = []
        for start in range(0, len(news), ENTRIES_PER_CALL):
            page = news[start : start + ENTRIES_PER_CALL]
            taken += self._put([self._entry(piece, is_replay=is_replay) for piece in page])
        return taken

    def _put(self, entries: list[dict[str, Any]]) -> list[bool]:
        try:
            answer = self.client.put_events(Entries=entries)
        except (BotoCoreError, ClientError):
            return [False] * len(entries)
        return ["ErrorCode" not in entry for entry in answer["Entries"]]

    def _entry(self, piece: News, *, is_replay: bool) -> dict[str, Any]:
        event = piece.cloud_event(self._source, is_replay=is_replay)
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": piece.kind,
            "Time": piece.at,
            "Resources": [],
            "Detail": json.dumps(event, ensure_ascii=False, separators=(",", ":")),
        }

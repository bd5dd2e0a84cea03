"""A large day as the state machine carries it from step to step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from enum import IntEnum
from typing import Any


class Noted(IntEnum):
    """What is noted of vouchers that a bill names in several redemptions."""

    NOTHING = 0
    TWICE = 1
    """Which they are."""
    BOOKED = 2
    """Which of them are redeemed as the bill has it."""


@dataclass(frozen=True, slots=True)
class Task:
    """The day, and what the steps so far have come to: the state machine's own data.

    Args:
        platform_id: whose day.
        business_on: the business date, which is over.
        campaign_ids: those that can have entries on it, or that its bill names.
        run: the run's name; no other run of the day has it.
        plan: counts the plans of the run from 1; 0 before the first.
        newest: the newest version of the bill when it was planned; 0 for none.
        shares: into how many its rows are dealt; 0 before they are.
        noted: what is noted in all shares.

    """

    platform_id: str
    business_on: date
    campaign_ids: tuple[str, ...]
    run: str
    plan: int = 0
    newest: int = 0
    shares: int = 0
    noted: Noted = Noted.NOTHING

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Task:
        """Of JSON; other members are the state machine's, and passed over."""
        return cls(
            platform_id=document["platform_id"],
            business_on=date.fromisoformat(document["business_on"]),
            campaign_ids=tuple(document["campaign_ids"]),
            run=document["run"],
            plan=document.get("plan", 0),
            newest=document.get("newest", 0),
            shares=len(document.get("shares", ())),
            noted=Noted(document.get("noted", 0)),
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **asdict(self),
            "business_on": self.business_on.isoformat(),
            "shares": list(range(self.shares)),
            "noted": self.noted.value,
        }

    @property
    def folder(self) -> str:
        """Where the plan's working files lie, with its final slash."""
        return f"days/{self.platform_id}/{self.business_on.isoformat()}/{self.run}/{self.plan}/"

    def name_of(self, share: int, name: str) -> str:
        """Of a working file that a share's match leaves.

        A match that was given up, and still runs, knows less and writes elsewhere.
        """
        return f"{self.noted.value}/{share}/{name}"

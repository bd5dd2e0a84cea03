"""Which platform a calling role is; `shared.store.registry` writes it down."""

from __future__ import annotations

from functions.shared.store.connection import Database
from functions.shared.store.tables import CallerItem


def platform_of_role(database: Database, role_arn: str) -> str | None:
    """The id of the active platform that calls with this role.

    Raises:
        Busy: throttled or lost beyond the SDK's retries.

    """
    item = database.get(CallerItem, role_arn)
    return item.platform_id if item and item.active else None

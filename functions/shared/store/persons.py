"""What a person has used of a campaign's limits: one item an identity, one counter a limit.

All counters of an item move in one update, inside the transaction of what they count, on the
condition that none passes its limit: exact however many meet.
"""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.limits import PersonCounter
from functions.shared.store.tables import PersonItem
from functions.shared.store.transaction import Cancelled, Transaction


def person_key(campaign_id: str, identity_ref: str) -> str:
    """The key of an identity's item in a campaign."""
    return f"{campaign_id}#{identity_ref}"


def count_person(
    transaction: Transaction,
    campaign_id: str,
    identity_refs: Sequence[str],
    counters: Sequence[PersonCounter],
    *,
    issued: Sequence[str] = (),
) -> list[str]:
    """Raises the counters at every identity, as far as their limits go; the items' labels.

    Args:
        transaction: what they are counted in.
        campaign_id: whose limits.
        identity_refs: of the person.
        counters: each raised by its `by`.
        issued: ids of the vouchers that the items list from then on.

    Raises:
        HuiminError: PERSON_LIMIT_REACHED where nobody could be given that many at once.

    """
    for counter in counters:
        if counter.by > counter.max_count:
            raise _reached(counter, 0)
    actions: list[Action] = [Path([counter.name]).add(counter.by) for counter in counters]
    if issued:
        listed = (PersonItem.voucher_ids | []).append(list(issued))
        actions.append(PersonItem.voucher_ids.set(listed))
    return _update(transaction, campaign_id, identity_refs, actions, _within_limits(counters))


def uncount_person(
    transaction: Transaction,
    campaign_id: str,
    identity_refs: Sequence[str],
    counters: Sequence[PersonCounter],
) -> list[str]:
    """Lowers the counters at every identity, never below zero; the items' labels."""
    actions: list[Action] = [Path([counter.name]).add(-counter.by) for counter in counters]
    return _update(transaction, campaign_id, identity_refs, actions, _counted(counters))


def limit_reached(
    cancelled: Cancelled, labels: Sequence[str], counters: Sequence[PersonCounter]
) -> HuiminError | None:
    """The first limit that stood in the way at one of those items, if it was a limit."""
    for label in labels:
        if not cancelled.failed(label):
            continue
        raw = cancelled.raw(label)
        for counter in counters:
            used = int(raw.get(counter.name, {}).get("N", "0"))
            if used + counter.by > counter.max_count:
                return _reached(counter, used)
    return None


def _reached(counter: PersonCounter, used: int) -> HuiminError:
    return HuiminError(
        Code.PERSON_LIMIT_REACHED, scope=counter.scope.value, limit=counter.max_count, used=used
    )


def _update(
    transaction: Transaction,
    campaign_id: str,
    identity_refs: Sequence[str],
    actions: Sequence[Action],
    condition: Condition | None,
) -> list[str]:
    if not actions:
        return []
    labels = [f"person {number}" for number in range(len(identity_refs))]
    for label, identity_ref in zip(labels, identity_refs, strict=True):
        item = PersonItem(person_key(campaign_id, identity_ref))
        transaction.update(label, item, actions, condition)
    return labels


def _within_limits(counters: Sequence[PersonCounter]) -> Condition | None:
    condition: Condition | None = None
    for counter in counters:
        path = Path([counter.name])
        within = path.does_not_exist() | (path <= counter.max_count - counter.by)
        condition = within if condition is None else condition & within
    return condition


def _counted(counters: Sequence[PersonCounter]) -> Condition | None:
    condition: Condition | None = None
    for counter in counters:
        counted = Path([counter.name]) >= counter.by
        condition = counted if condition is None else condition & counted
    return condition

"""Grants: listed by one person, approved by another, carried out in steps that may be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.campaign import CampaignState, Distribution, Round, VoucherType
from functions.shared.domain.claims import offered_type, require_claimable, require_distributed
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import CampaignRecord, Pool
from functions.shared.domain.grants import (
    REFUSES_A_ROW,
    Grant,
    GrantRow,
    GrantState,
    Progress,
    RowState,
    granted_content,
    granted_voucher_id,
)
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.keys import Keys
from functions.shared.domain.limits import PersonCounter, claim_counters
from functions.shared.domain.persons import identity_refs
from functions.shared.domain.vouchers import VoucherEvent, new_voucher
from functions.shared.issuing.issuer import Issuer
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.grants import GrantStore
from functions.shared.store.stock import StockStore
from functions.shared.store.transaction import Cancelled

_TAKES_GRANTS: Final = frozenset(
    {CampaignState.FUNDING, CampaignState.RUNNING, CampaignState.PAUSED}
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A person on the list: what the voucher will be called, and whether it was there before."""

    voucher_id: str
    already_listed: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What one step of carrying out did.

    Args:
        granted: vouchers issued; not those of a try whose reply was lost, which `Progress` has.
        refused: rows that ended without one.
        stopped_by: why it stopped early, so that rows stay listed; None otherwise.
        after: where to go on from; None at the part's end, and where not one row was decided.

    """

    granted: int
    refused: int
    stopped_by: Code | None
    after: str | None


class GrantService:
    """The use cases of the grant function.

    Args:
        campaigns: the campaigns.
        stock: the pools.
        grants: lists and their rows.
        issuer: issues the vouchers.
        keys: the deployment's keys.

    """

    def __init__(
        self,
        campaigns: CampaignStore,
        stock: StockStore,
        grants: GrantStore,
        issuer: Issuer,
        keys: Keys,
    ) -> None:
        self._campaigns = campaigns
        self._stock = stock
        self._grants = grants
        self._issuer = issuer
        self._keys = keys

    def make(self, grant: Grant, now: datetime) -> tuple[Grant, bool]:
        """Stores an empty list; True with the stored one where the same was made before.

        Raises:
            HuiminError: NOT_FOUND, NOT_DISTRIBUTED_SO, CAMPAIGN_STATE, ROUND_CLOSED, KEY_REUSED.

        """
        record = self._record(grant.campaign_id)
        if self._grants.get(grant.campaign_id, grant.grant_id) is None:
            _require_possible(record, grant, now)
        return self._grants.make(grant)

    def grant(self, campaign_id: str, grant_id: str) -> tuple[Grant, Progress]:
        """The grant, and how far it is.

        Raises:
            HuiminError: NOT_FOUND.

        """
        grant = self._grant(campaign_id, grant_id)
        return grant, self._grants.progress(grant)

    def grants(self, campaign_id: str, *, after: str | None, limit: int) -> Sequence[Grant]:
        """The campaign's grants by id, from behind `after`, at most `limit`.

        Raises:
            HuiminError: NOT_FOUND, if there is no such campaign.

        """
        self._record(campaign_id)
        return list(self._grants.of_campaign(campaign_id, after=after, limit=limit))

    def rows(
        self, campaign_id: str, grant_id: str, *, part: int, after: str | None, limit: int
    ) -> Sequence[GrantRow]:
        """Rows of a part by id, from behind `after`, at most `limit`.

        Raises:
            HuiminError: NOT_FOUND.

        """
        grant = self._grant(campaign_id, grant_id)
        return list(self._grants.rows(grant, part, after=after, limit=limit))

    def list_persons(
        self, campaign_id: str, grant_id: str, persons: Sequence[Mapping[IdentityKind, str]]
    ) -> list[Listed]:
        """Lists persons, each once however often they are sent; in their order.

        Args:
            campaign_id: whose grant.
            grant_id: which.
            persons: identities, normalised, neither stored nor logged.

        Raises:
            HuiminError: NOT_FOUND, GRANT_STATE, INVALID_FIELDS (an identity is missing, or the
                person is listed with another); nobody is listed then.

        """
        grant = self._grant(campaign_id, grant_id)
        wanted = self._record(campaign_id).campaign.identities
        rows = [self._row(grant, wanted, person, place) for place, person in enumerate(persons)]
        if grant.state is not GrantState.LISTING:
            raise HuiminError(Code.GRANT_STATE, state=grant.state.value)
        there = self._add(grant, rows)
        listed = []
        for row in rows:
            listed.append(Listed(row.voucher_id, row.voucher_id in there))
            there.add(row.voucher_id)
        return listed

    def _add(self, grant: Grant, rows: Sequence[GrantRow]) -> set[str]:
        """Writes those that are not there yet, all at once; the names of those that were."""
        there: dict[str, GrantRow] = {}
        left = {row.voucher_id: row for row in reversed(rows)}
        _require_same_person(rows, left)
        while left:
            found = self._grants.add_rows(grant, list(left.values()))
            if not found:
                break
            there.update(found)
            left = {name: row for name, row in left.items() if name not in found}
            _require_same_person(rows, left | there)
        return set(there)

    def _row(
        self,
        grant: Grant,
        wanted: Sequence[IdentityKind],
        person: Mapping[IdentityKind, str],
        place: int,
    ) -> GrantRow:
        refs = identity_refs(
            person,
            wanted=wanted,
            platform_id=grant.platform_id,
            keys=self._keys,
            pointer=f"/persons/{place}",
        )
        name = granted_voucher_id(grant.campaign_id, grant.grant_id, refs[0], key=self._keys.id_key)
        return GrantRow(name, refs)

    def approve(
        self, campaign_id: str, grant_id: str, *, rows: int, approver: str, now: datetime
    ) -> Grant:
        """Approves the list of exactly so many persons; no voucher is issued yet.

        Raises:
            HuiminError: NOT_FOUND, SAME_PERSON, GRANT_CHANGED, GRANT_STATE, CAMPAIGN_STATE,
                ROUND_CLOSED, STOCK_INSUFFICIENT (the pool has fewer units now).

        """
        grant = self._grant(campaign_id, grant_id)
        if grant.made_by == approver:
            raise HuiminError(Code.SAME_PERSON)
        if grant.state is GrantState.LISTING:
            if grant.rows != rows:
                raise HuiminError(Code.GRANT_CHANGED, rows=grant.rows)
            _require_possible(self._record(campaign_id), grant, now)
            available = sum(shard.available for shard in self._stock.shards(self._pool(grant)))
            if available < rows:
                raise HuiminError(Code.STOCK_INSUFFICIENT, needed=rows, available=available)
        return self._grants.approve(grant, rows=rows, approver=approver, now=now)

    def carry_out(
        self,
        campaign_id: str,
        grant_id: str,
        *,
        part: int,
        after: str | None,
        limit: int,
        now: datetime,
    ) -> Run:
        """Grants the listed rows of a part from behind `after`, looking at most at `limit` rows.

        Each row is a transaction of its own, and ends once, whoever else carries out the same: the
        step may be repeated after whatever happened to it.

        Raises:
            HuiminError: NOT_FOUND, GRANT_STATE (not approved), CAMPAIGN_NOT_RUNNING,
                CAMPAIGN_PAUSED, ROUND_NOT_OPEN, ROUND_CLOSED; nothing has changed.

        """
        grant = self._grant(campaign_id, grant_id)
        if grant.state is not GrantState.APPROVED:
            raise HuiminError(Code.GRANT_STATE, state=grant.state.value)
        work = _work(grant, self._record(campaign_id), self._pool(grant), now)
        rows = list(self._grants.rows(grant, part, after=after, limit=limit + 1))
        granted = refused = 0
        for row in rows[:limit]:
            try:
                ended = self._end(work, row) if row.state is RowState.LISTED else None
            except HuiminError as refusal:
                return Run(granted, refused, stopped_by=refusal.code, after=after)
            after = row.voucher_id
            granted += ended is RowState.GRANTED
            refused += ended is RowState.REFUSED
        return Run(granted, refused, None, after=after if len(rows) > limit else None)

    def _end(self, work: _Work, row: GrantRow) -> RowState | None:
        """Grants or refuses one row; what it became, or None where it had ended before.

        Raises:
            HuiminError: what stops the run: SOLD_OUT, CAMPAIGN_PAUSED.
            Busy: contention outlasted the retries.

        """
        remembered = self._issuer.remembered_refusal([work.pool], work.now)
        if remembered is not None:
            raise remembered
        grant = work.grant
        voucher = new_voucher(
            voucher_id=row.voucher_id,
            campaign_id=grant.campaign_id,
            in_round=work.in_round,
            voucher_type=work.voucher_type,
            platform_id=grant.platform_id,
            identity_refs=row.identity_refs,
            request_no=grant.grant_id,
            content_hash=granted_content(grant, row.identity_refs),
            event=VoucherEvent.GRANTED,
            now=work.now,
        )
        also = self._grants.granting(grant, row, work.now)
        try:
            issued = self._issuer.issue([voucher], [work.pool], work.counters, work.now, also=also)
        except Cancelled:
            self._require_ended(grant, row)
            return None
        except HuiminError as refusal:
            if refusal.code not in REFUSES_A_ROW:
                raise
            if not self._grants.refuse(grant, row, refusal.code, work.now):
                self._require_ended(grant, row)
                return None
            return RowState.REFUSED
        return None if issued.replayed else RowState.GRANTED

    def _require_ended(self, grant: Grant, row: GrantRow) -> None:
        """Passes when somebody else, who carries out the same, has ended the row."""
        stored = self._grants.row(grant, row)
        if stored is None or stored.state is RowState.LISTED:
            raise Busy(operation="grant")

    def _record(self, campaign_id: str) -> CampaignRecord:
        record = self._campaigns.get(campaign_id)
        if record is None:
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        return record

    def _grant(self, campaign_id: str, grant_id: str) -> Grant:
        grant = self._grants.get(campaign_id, grant_id)
        if grant is None:
            raise HuiminError(Code.NOT_FOUND, what="grant")
        return grant

    def _pool(self, grant: Grant) -> Pool:
        pool = self._stock.pool(grant.campaign_id, grant.pool_key)
        if pool is None:
            raise HuiminError(Code.CAMPAIGN_STATE, state=CampaignState.FUNDING.value)
        return pool


class _Work(NamedTuple):
    """What is the same for every row of a step."""

    grant: Grant
    in_round: Round
    voucher_type: VoucherType
    pool: Pool
    counters: tuple[PersonCounter, ...]
    now: datetime


def _work(grant: Grant, record: CampaignRecord, pool: Pool, now: datetime) -> _Work:
    in_round, (voucher_type,) = require_claimable(
        record,
        round_id=grant.round_id,
        voucher_type_ids=(grant.voucher_type_id,),
        platform_id=grant.platform_id,
        way=Distribution.DIRECT,
        facts=None,
        now=now,
    )
    counters = claim_counters(
        record.campaign,
        round_id=grant.round_id,
        voucher_type_id=grant.voucher_type_id,
        platform_id=grant.platform_id,
    )
    return _Work(grant, in_round, voucher_type, pool, counters, now)


def _require_possible(record: CampaignRecord, grant: Grant, now: datetime) -> None:
    """Passes when vouchers could still be granted so."""
    campaign = record.campaign
    in_round = campaign.round(grant.round_id)
    if in_round is None:
        raise HuiminError(Code.NOT_FOUND, what="round")
    voucher_type = offered_type(campaign, in_round, grant.voucher_type_id, grant.platform_id)
    require_distributed(voucher_type, Distribution.DIRECT)
    if record.state not in _TAKES_GRANTS:
        raise HuiminError(Code.CAMPAIGN_STATE, state=record.state.value)
    if now >= in_round.closes_at:
        raise HuiminError(Code.ROUND_CLOSED, closed_at=to_rfc3339(in_round.closes_at))


def _require_same_person(rows: Sequence[GrantRow], known: Mapping[str, GrantRow]) -> None:
    """Passes when each row names the very identities that its person is listed with.

    The first identity makes the person. The others are counted too, so that they must be right:
    they cannot be one thing in the list and another in the file that is sent again.
    """
    errors = [
        {
            "pointer": f"/persons/{place}",
            "en": "is on the list with other identities; give the same ones, or make another grant",
            "zh": "该人员已以其他识别信息登记；请填写相同信息，或新建定向发放",
        }
        for place, row in enumerate(rows)
        if known[row.voucher_id].identity_refs != row.identity_refs
    ]
    if errors:
        raise HuiminError(Code.INVALID_FIELDS, errors=errors)

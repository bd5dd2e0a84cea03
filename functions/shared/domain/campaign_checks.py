"""What is wrong with a campaign that its document's shape cannot show.

Ids that point nowhere, rounds out of order, stock that the appropriation does not cover: each with
its place and what to do, in both languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.shared.domain.campaign import (
    Campaign,
    Distribution,
    LimitScope,
    Round,
    ValidityStart,
    VoucherType,
    validity_of,
)
from functions.shared.domain.identity import IdentityKind

# A year 9999 that stands for "never" would overflow where days are added to it.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_MOMENT: Final = timedelta(milliseconds=1)


RESERVED_IDS = frozenset({"invariants"})
"""Under `reports/` these folders are no campaign's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a document: where (a JSON Pointer), what, and what to do, in both languages."""

    pointer: str
    en: str
    zh: str


def check_campaign(campaign: Campaign) -> list[Finding]:
    """Every fault that the document's shape cannot show; empty when it can be published."""
    return [
        *_reserved(campaign),
        *_duplicates(campaign),
        *_round_faults(campaign.rounds),
        *_time_faults(campaign),
        *_allocation_faults(campaign),
        *_budget_faults(campaign),
        *_limit_faults(campaign),
        *_pack_faults(campaign),
        *_earning_faults(campaign),
        *_validity_faults(campaign),
        *_contract_faults(campaign),
    ]


def _reserved(campaign: Campaign) -> Iterator[Finding]:
    if campaign.campaign_id in RESERVED_IDS:
        yield Finding(
            "/campaign_id",
            f"{campaign.campaign_id} is the name of a folder of reports; choose another",
            f"{campaign.campaign_id} 是报表目录的保留名称，请改用其他编号",
        )


def _contract_faults(campaign: Campaign) -> Iterator[Finding]:
    for number, contract in enumerate(campaign.contracts):
        if contract.platform_id not in campaign.platform_ids:
            yield Finding(
                f"/contracts/{number}/platform_id",
                f"{contract.platform_id} has no stock in any round; leave the contract out",
                f"平台 {contract.platform_id} 在各轮次均无券量，请删除该合同",
            )


def _duplicates(campaign: Campaign) -> Iterator[Finding]:
    yield from _repeated("/voucher_types", [t.voucher_type_id for t in campaign.voucher_types])
    yield from _repeated("/packs", [p.pack_id for p in campaign.packs])
    yield from _repeated("/rounds", [r.round_id for r in campaign.rounds])
    yield from _repeated("/limits", [limit.scope for limit in campaign.limits])
    yield from _repeated("/person/identities", campaign.identities)
    yield from _repeated("/contracts", [c.platform_id for c in campaign.contracts])
    for number, in_round in enumerate(campaign.rounds):
        pools = [f"{a.voucher_type_id}/{a.platform_id}" for a in in_round.stock]
        yield from _repeated(f"/rounds/{number}/stock", pools)


def _repeated(pointer: str, names: Sequence[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield Finding(
                f"{pointer}/{number}",
                f"{name} stands here a second time; keep one of the two",
                f"{name} 重复出现，请保留其中一个",
            )
        seen.add(name)


def _round_faults(rounds: Sequence[Round]) -> Iterator[Finding]:
    for number, in_round in enumerate(rounds):
        if in_round.closes_at <= in_round.opens_at:
            yield Finding(
                f"/rounds/{number}/closes_at",
                "the round closes before it opens; give a later time",
                "轮次的结束时间不晚于开始时间，请改为更晚的时间",
            )
        if number and in_round.opens_at < rounds[number - 1].closes_at:
            yield Finding(
                f"/rounds/{number}/opens_at",
                "the round opens before the one above it closes; order rounds by time, apart",
                "本轮在上一轮结束之前开始，请按时间先后排列且不重叠",
            )


def _time_faults(campaign: Campaign) -> Iterator[Finding]:
    for pointer, at in _times(campaign):
        if not EARLIEST <= at < LATEST:
            yield Finding(
                pointer,
                f"must be a time of the years {EARLIEST.year} to {LATEST.year - 1}; "
                "give the one that is meant",
                f"必须在 {EARLIEST.year} 年至 {LATEST.year - 1} 年之间，请填写实际时间",
            )


def _times(campaign: Campaign) -> Iterator[tuple[str, datetime]]:
    for number, in_round in enumerate(campaign.rounds):
        yield f"/rounds/{number}/opens_at", in_round.opens_at
        yield f"/rounds/{number}/closes_at", in_round.closes_at
    for number, voucher_type in enumerate(campaign.voucher_types):
        for name in ("valid_from", "valid_until"):
            at = getattr(voucher_type.validity, name)
            if at is not None:
                yield f"/voucher_types/{number}/validity/{name}", at


def _allocation_faults(campaign: Campaign) -> Iterator[Finding]:
    known = {t.voucher_type_id for t in campaign.voucher_types}
    for number, in_round in enumerate(campaign.rounds):
        for place, allocation in enumerate(in_round.stock):
            if allocation.voucher_type_id not in known:
                yield Finding(
                    f"/rounds/{number}/stock/{place}/voucher_type_id",
                    f"{allocation.voucher_type_id} is not among the voucher types; add it there",
                    f"券种 {allocation.voucher_type_id} 不在 voucher_types 中，请先在那里定义",
                )


def _budget_faults(campaign: Campaign) -> Iterator[Finding]:
    reserve = {t.voucher_type_id: t.unit_reserve_fen for t in campaign.voucher_types}
    planned_fen = sum(
        a.units * reserve.get(a.voucher_type_id, 0) for r in campaign.rounds for a in r.stock
    )
    if planned_fen > campaign.appropriated_fen:
        yield Finding(
            "/appropriated_fen",
            f"the stock can cost {planned_fen} fen, more than the {campaign.appropriated_fen} "
            "appropriated; plan fewer units or appropriate more",
            f"库存最多需要 {planned_fen} 分，超过拨款 {campaign.appropriated_fen} 分，"
            "请减少券量或增加拨款",
        )


def _limit_faults(campaign: Campaign) -> Iterator[Finding]:
    if not campaign.identities:
        yield Finding(
            "/person/identities",
            "no identity makes two claims one person's; name at least IDENTITY_NUMBER",
            "未指定自然人识别方式，请至少填写 IDENTITY_NUMBER",
        )
    if campaign.eligibility.real_name and IdentityKind.IDENTITY_NUMBER not in campaign.identities:
        yield Finding(
            "/person/eligibility/real_name",
            "real names are asked for, but the identity number is not; add IDENTITY_NUMBER",
            "要求实名但未采集身份证号，请在 identities 中加入 IDENTITY_NUMBER",
        )


def _pack_faults(campaign: Campaign) -> Iterator[Finding]:
    for number, pack in enumerate(campaign.packs):
        for place, voucher_type_id in enumerate(pack.voucher_type_ids):
            pointer = f"/packs/{number}/voucher_type_ids/{place}"
            voucher_type = campaign.voucher_type(voucher_type_id)
            if voucher_type is None:
                yield Finding(
                    pointer,
                    f"{voucher_type_id} is not among the voucher types; add it there",
                    f"券种 {voucher_type_id} 不在 voucher_types 中，请先在那里定义",
                )
            elif voucher_type.distribution is not Distribution.FIRST_COME:
                yield Finding(
                    pointer,
                    f"{voucher_type_id} is {voucher_type.distribution}: nobody can claim it, so "
                    "nobody could claim the pack; take it out of the pack, or leave the type's "
                    "distribution out",
                    f"券种 {voucher_type_id} 的发放方式为 {voucher_type.distribution}，不能领取，"
                    "含有它的券包也无法领取；"
                    "请从券包中移除，或去掉该券种的 distribution",
                )
        counts = Counter(pack.voucher_type_ids)
        at_once = {
            LimitScope.VOUCHER_TYPE: max(counts.values()),
            LimitScope.VOUCHER_TYPE_PER_ROUND: max(counts.values()),
            LimitScope.ROUND: counts.total(),
            LimitScope.CAMPAIGN: counts.total(),
            LimitScope.PLATFORM_PER_ROUND: counts.total(),
        }
        for limit in campaign.limits:
            if at_once.get(limit.scope, 0) > limit.max_count:
                yield Finding(
                    f"/packs/{number}",
                    f"nobody could claim it: it counts {at_once[limit.scope]} against the limit "
                    f"{limit.scope} of {limit.max_count}; shorten the pack or raise the limit",
                    f"无人可领：该券包对限额 {limit.scope} 计 {at_once[limit.scope]}，"
                    f"超过上限 {limit.max_count}，请减少券包内容或提高限额",
                )


def _earning_faults(campaign: Campaign) -> Iterator[Finding]:
    for number, voucher_type in enumerate(campaign.voucher_types):
        is_earned = voucher_type.distribution is Distribution.EARNED
        if is_earned and voucher_type.earned_by is None:
            yield Finding(
                f"/voucher_types/{number}/earned_by",
                "no order earns it; say which orders do, or leave the distribution out",
                "未说明哪些订单可获得该券；请填写 earned_by，或去掉 distribution",
            )
        elif voucher_type.earned_by is not None and not is_earned:
            yield Finding(
                f"/voucher_types/{number}/earned_by",
                f"the type is {voucher_type.distribution}, so that no order earns it; leave "
                "earned_by out, or make the distribution EARNED",
                f"该券种的发放方式为 {voucher_type.distribution}，订单不能获得；"
                "请去掉 earned_by，或将 distribution 改为 EARNED",
            )


def _validity_faults(campaign: Campaign) -> Iterator[Finding]:
    yield from _window_faults(campaign)
    for number, voucher_type in enumerate(campaign.voucher_types):
        validity = voucher_type.validity
        if validity.starts is ValidityStart.AT_ONCE and validity.times.is_always:
            continue
        late = [
            in_round.round_id
            for in_round in campaign.rounds
            # Days cannot be added to a time that is none, as the year 9999.
            if EARLIEST <= in_round.closes_at < LATEST
            and any(a.voucher_type_id == voucher_type.voucher_type_id for a in in_round.stock)
            and not _is_usable_from(voucher_type, in_round, in_round.closes_at - _MOMENT)
        ]
        if late:
            yield Finding(
                f"/voucher_types/{number}/validity",
                f"who claims last in round {', '.join(late)} could never use it: it ends before "
                "it may be used; let it last longer, or close the round earlier",
                f"在轮次 {'、'.join(late)} 最后领取的券无法使用：可用之前已失效；"
                "请延长有效期或提前结束轮次",
            )


def _is_usable_from(voucher_type: VoucherType, in_round: Round, issued_at: datetime) -> bool:
    valid_from, valid_until = validity_of(voucher_type, in_round, issued_at)
    return voucher_type.validity.times.next_from(valid_from) < valid_until


def _window_faults(campaign: Campaign) -> Iterator[Finding]:
    for number, voucher_type in enumerate(campaign.voucher_types):
        validity = voucher_type.validity
        if validity.valid_from is None or validity.valid_until is None:
            continue
        pointer = f"/voucher_types/{number}/validity/valid_until"
        last_claim_at = max(
            (
                in_round.closes_at
                for in_round in campaign.rounds
                for allocation in in_round.stock
                if allocation.voucher_type_id == voucher_type.voucher_type_id
            ),
            default=validity.valid_until,
        )
        if validity.valid_until <= validity.valid_from:
            yield Finding(
                pointer,
                "the window ends before it begins; give a later time",
                "有效期结束时间不晚于开始时间，请改为更晚的时间",
            )
        elif validity.valid_until < last_claim_at:
            yield Finding(
                pointer,
                "the window ends while a round still gives these vouchers; give a later time",
                "有效期结束时仍有轮次在发放该券，请改为更晚的时间",
            )

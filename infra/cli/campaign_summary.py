"""A campaign's rules in plain language, on one page: what the bureau is about to publish."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from functions.shared.domain.campaign import (
    Campaign,
    Distribution,
    EarningRule,
    LimitScope,
    OrderShareCap,
    Rollover,
    Validity,
    ValidityKind,
    ValidityStart,
    VoucherType,
)
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.money import FundingShares
from functions.shared.domain.orders import ThresholdBase, VoucherKind
from functions.shared.domain.refund_policies import (
    PartPolicy,
    RefundPolicies,
    WholeExpiredPolicy,
    WholeValidPolicy,
)
from functions.shared.domain.usage_times import UsageTimes, clock_text
from functions.shared.edge.languages import Words
from functions.shared.files.numerals import beijing_text, percent_text, yuan_text

_SCOPES: Final = {
    LimitScope.CAMPAIGN: Words("vouchers in all", "张（全部活动）"),
    LimitScope.ROUND: Words("vouchers a round", "张（每轮）"),
    LimitScope.VOUCHER_TYPE: Words("vouchers of each type", "张（每券种）"),
    LimitScope.VOUCHER_TYPE_PER_ROUND: Words("vouchers of each type a round", "张（每轮每券种）"),
    LimitScope.PLATFORM_PER_ROUND: Words("vouchers a round on each platform", "张（每轮每平台）"),
    LimitScope.MERCHANT: Words("redemptions at a merchant in all", "次核销（每商户）"),
    LimitScope.MERCHANT_PER_DAY: Words("redemptions at a merchant a day", "次核销（每商户每日）"),
}
_IDENTITIES: Final = {
    IdentityKind.IDENTITY_NUMBER: Words("identity number", "身份证号"),
    IdentityKind.PHONE: Words("phone", "手机号"),
    IdentityKind.ACCOUNT: Words("account at the platform", "平台账号"),
}
_BASES: Final = {
    ThresholdBase.ORDER: Words("the order before any discount", "优惠前订单金额"),
    ThresholdBase.AFTER_MERCHANT: Words(
        "what remains after the merchant's discount", "商户优惠后金额"
    ),
    ThresholdBase.AFTER_DISCOUNTS: Words(
        "what remains after the merchant's and the platform's discounts", "商户及平台优惠后金额"
    ),
}
_WHOLE_VALID: Final = {
    WholeValidPolicy.RESTORE: Words("the voucher comes back", "券退回"),
    WholeValidPolicy.VOID: Words("the voucher is void", "券作废"),
}
_WHOLE_EXPIRED: Final = {
    WholeExpiredPolicy.LAPSE: Words("its money lapses to its round", "券金额归入本轮失效资金"),
    WholeExpiredPolicy.VOID: Words("the voucher is void", "券作废"),
}
_PART: Final = {
    PartPolicy.PRO_RATA: Words("the voucher's share of it goes back", "按比例退回券金额"),
    PartPolicy.RECLAIM_ALL: Words("the voucher's money goes back first", "先退回全部券金额"),
    PartPolicy.KEEP: Words("the consumer's money goes back first", "先退消费者实付"),
}
_ROLLOVER: Final = {
    Rollover.NEXT_ROUND: Words("the next round's stock", "转入下一轮"),
    Rollover.UNALLOCATED: Words("the campaign's unallocated money", "转为未分配资金"),
}
_WEEKDAYS: Final = (
    Words("Mon", "周一"),
    Words("Tue", "周二"),
    Words("Wed", "周三"),
    Words("Thu", "周四"),
    Words("Fri", "周五"),
    Words("Sat", "周六"),
    Words("Sun", "周日"),
)


def summary(campaign: Campaign) -> Iterator[tuple[int, Words]]:
    """The lines of the page, each with its depth: 0 for a heading."""
    yield 0, Words(campaign.name.en, campaign.name.zh)
    planned_fen = sum(
        allocation.units * voucher_type.unit_reserve_fen
        for in_round in campaign.rounds
        for allocation in in_round.stock
        for voucher_type in campaign.voucher_types
        if voucher_type.voucher_type_id == allocation.voucher_type_id
    )
    appropriated, planned = yuan_text(campaign.appropriated_fen), yuan_text(planned_fen)
    yield (
        1,
        Words(
            f"{appropriated} yuan appropriated; all planned vouchers can cost {planned}",
            f"拨款 {appropriated} 元；全部计划券量最多需 {planned} 元",
        ),
    )
    account = campaign.source_account
    yield (
        1,
        Words(
            f"What is not spent returns to {account.name}, {account.bank}, {account.number}",
            f"未用资金退回 {account.name}（{account.bank} {account.number}）",
        ),
    )
    yield from _persons(campaign)
    yield from _places(campaign)
    for voucher_type in campaign.voucher_types:
        yield from _voucher_type(voucher_type)
    yield from _packs(campaign)
    yield from _rounds(campaign)
    yield from _refunds(campaign.refunds, campaign)


def _joined(words: list[Words]) -> Words:
    return Words(", ".join(w.en for w in words), "、".join(w.zh for w in words))


def _persons(campaign: Campaign) -> Iterator[tuple[int, Words]]:
    yield 0, Words("Who", "领取对象")
    same = _joined([_IDENTITIES[kind] for kind in campaign.identities])
    yield (
        1,
        Words(
            f"The same person is whoever has the same {same.en}, on all platforms together",
            f"{same.zh}任一相同即为同一人，各平台合并计算",
        ),
    )
    if campaign.eligibility.real_name:
        yield 1, Words("Only persons whose real name is verified", "仅限实名认证用户")
    if campaign.eligibility.located_in:
        codes = ", ".join(campaign.eligibility.located_in)
        yield 1, Words(f"Only persons located in {codes}", f"仅限位于 {codes} 的用户")
    for limit in campaign.limits:
        words = _SCOPES[limit.scope]
        yield (
            1,
            Words(
                f"At most {limit.max_count} {words.en}", f"每人最多 {limit.max_count} {words.zh}"
            ),
        )


def _places(campaign: Campaign) -> Iterator[tuple[int, Words]]:
    yield 0, Words("Where", "使用范围")
    scope = campaign.scope
    industries = ", ".join(scope.industries)
    yield 1, Words(f"Merchants of the industries {industries}", f"行业：{industries}")
    if scope.merchants:
        count = len(scope.merchants)
        yield 1, Words(f"Only {count} merchants that are named", f"仅限指定的 {count} 家商户")
    if scope.districts:
        codes = ", ".join(scope.districts)
        yield 1, Words(f"Only merchants in {codes}", f"仅限位于 {codes} 的商户")


def _voucher_type(voucher_type: VoucherType) -> Iterator[tuple[int, Words]]:
    benefit = voucher_type.benefit
    name = voucher_type.name
    yield (
        0,
        Words(
            f"{name.en} ({voucher_type.voucher_type_id})",
            f"{name.zh}（{voucher_type.voucher_type_id}）",
        ),
    )
    threshold = yuan_text(benefit.threshold_fen)
    base = _BASES[benefit.threshold_base]
    yield 1, _gives(voucher_type)
    if benefit.threshold_fen:
        yield 1, Words(f"from {threshold} yuan of {base.en}", f"{base.zh}满 {threshold} 元可用")
    for cap in voucher_type.order_share_caps:
        yield 1, _share_cap(cap)
    if benefit.order_share_cap_bp is not None:
        yield 1, _share_cap(OrderShareCap(benefit.order_share_cap_bp), is_other=True)
    yield 1, _funding(benefit.funding)
    yield 1, _validity(voucher_type.validity)
    if not voucher_type.validity.times.is_always:
        yield 1, _times(voucher_type.validity.times)
    yield from _stacking(voucher_type)
    if voucher_type.distribution is Distribution.DIRECT:
        yield (
            1,
            Words(
                "Granted by the bureau to persons on a list; nobody can claim it",
                "由主管部门按名单定向发放，不可领取",
            ),
        )
    if voucher_type.earned_by is not None:
        yield 1, _earned_by(voucher_type.earned_by)


def _earned_by(rule: EarningRule) -> Words:
    threshold, base = yuan_text(rule.threshold_fen), _BASES[rule.threshold_base]
    return Words(
        f"Earned, once an order, by orders with {base.en} from {threshold} yuan; taken back if "
        "the order is refunded below that before the voucher is used",
        f"消费送券：{base.zh}满 {threshold} 元的订单获得，每单一次；"
        "用券前订单退款至不足该金额时收回",
    )


def _gives(voucher_type: VoucherType) -> Words:
    benefit = voucher_type.benefit
    most = yuan_text(benefit.greatest_fen)
    if benefit.percent_off_bp is not None:
        percent = percent_text((benefit.percent_off_bp, 10_000))
        return Words(f"{percent} off, at most {most} yuan", f"立减 {percent}，最多 {most} 元")
    if benefit.face_fen is None:
        return Words(f"pays up to {most} yuan", f"抵付商品价格，最多 {most} 元")
    if benefit.kind is VoucherKind.TICKET:
        return Words(f"pays {most} yuan", f"抵付 {most} 元")
    return Words(f"{most} yuan off", f"立减 {most} 元")


def _share_cap(cap: OrderShareCap, *, is_other: bool = False) -> Words:
    share = percent_text((cap.share_bp, 10_000))
    where = [", ".join(names) for names in (cap.industries, cap.platforms) if names]
    if is_other or not where:
        return Words(f"at most {share} of the order", f"不超过订单的 {share}")
    of = "; ".join(where)
    return Words(f"at most {share} of the order for {of}", f"{of}：不超过订单的 {share}")


def _funding(funding: FundingShares) -> Words:
    shares = [
        (Words("public money", "财政"), funding.fiscal_bp),
        (Words("platform", "平台"), funding.platform_bp),
        (Words("merchant", "商户"), funding.merchant_bp),
    ]
    parts = _joined(
        [
            Words(
                f"{who.en} {percent_text((bp, 10_000))}", f"{who.zh} {percent_text((bp, 10_000))}"
            )
            for who, bp in shares
            if bp
        ]
    )
    return Words(f"Paid by {parts.en}", f"出资：{parts.zh}")


def _validity(validity: Validity) -> Words:
    next_day = validity.starts is ValidityStart.NEXT_DAY
    start = Words("from the day after the claim", "领取次日起") if next_day else None
    if validity.kind is ValidityKind.ROUND:
        end = Words("to the end of its round", "至本轮结束")
    elif validity.kind is ValidityKind.DAYS:
        end = Words(f"for {validity.days} days", f"{validity.days} 天内")
    else:
        begins, ends = _time(validity.valid_from), _time(validity.valid_until)
        end = Words(f"from {begins} to {ends}", f"{begins} 至 {ends}")
    if start is None:
        return Words(f"Usable {end.en}", f"有效期：{end.zh}")
    return Words(f"Usable {start.en} {end.en}", f"有效期：{start.zh}{end.zh}")


def _time(at: datetime | None) -> str:
    return beijing_text(at) if at else ""


def _times(times: UsageTimes) -> Words:
    words = []
    if times.weekdays:
        words.append(_joined([_WEEKDAYS[day - 1] for day in sorted(times.weekdays)]))
    if times.hours:
        spans = ", ".join(
            f"{clock_text(start)}–{clock_text(end)}" for start, end in sorted(times.hours)
        )
        words.append(Words(spans, spans))
    joined = _joined(words)
    return Words(f"Only {joined.en} (Beijing time)", f"仅限 {joined.zh}（北京时间）")


def _stacking(voucher_type: VoucherType) -> Iterator[tuple[int, Words]]:
    stacking = voucher_type.stacking
    if not stacking.with_merchant_discount:
        yield 1, Words("Not beside a discount of the merchant's", "不与商户优惠同享")
    if not stacking.with_platform_discount:
        yield 1, Words("Not beside a discount of the platform's", "不与平台优惠同享")


def _packs(campaign: Campaign) -> Iterator[tuple[int, Words]]:
    for pack in campaign.packs:
        types = ", ".join(pack.voucher_type_ids)
        yield 0, Words(f"{pack.name.en} ({pack.pack_id})", f"{pack.name.zh}（{pack.pack_id}）")
        yield 1, Words(f"All of {types}, or none", f"同时领取 {types}，缺一不可")


def _rounds(campaign: Campaign) -> Iterator[tuple[int, Words]]:
    yield 0, Words("Rounds", "轮次")
    for in_round in campaign.rounds:
        opens, closes = beijing_text(in_round.opens_at), beijing_text(in_round.closes_at)
        yield (
            1,
            Words(
                f"{in_round.round_id}: {opens} to {closes}",
                f"{in_round.round_id}：{opens} 至 {closes}",
            ),
        )
        for allocation in in_round.stock:
            what = f"{allocation.voucher_type_id} · {allocation.platform_id}"
            yield (
                2,
                Words(f"{what}: {allocation.units:,} vouchers", f"{what}：{allocation.units:,} 张"),
            )
    rest = _ROLLOVER[campaign.rollover]
    yield (
        1,
        Words(
            f"What a round leaves over, and what lapses, becomes {rest.en}",
            f"每轮剩余及失效资金{rest.zh}",
        ),
    )


def _refunds(policies: RefundPolicies, campaign: Campaign) -> Iterator[tuple[int, Words]]:
    yield 0, Words("Refunds", "退款")
    valid, expired = _WHOLE_VALID[policies.whole_valid], _WHOLE_EXPIRED[policies.whole_expired]
    yield (
        1,
        Words(
            f"The whole order, while the voucher is valid: {valid.en}",
            f"全额退款且券在有效期内：{valid.zh}",
        ),
    )
    yield (
        1,
        Words(
            f"The whole order, after it has expired: {expired.en}",
            f"全额退款但券已过期：{expired.zh}",
        ),
    )
    part = _PART[policies.part]
    yield (
        1,
        Words(
            f"A part of the order: {part.en}; the voucher stays used",
            f"部分退款：{part.zh}，券不退回",
        ),
    )
    last, late = beijing_text(campaign.refunds_end_at), beijing_text(campaign.late_refunds_end_at)
    yield (
        1,
        Words(
            f"Taken until {last}; late, once the campaign is closed, until {late}",
            f"受理截止：{last}；活动结项后受理迟到退款至 {late}",
        ),
    )
    yield 1, Words(f"A hold lasts {campaign.hold_s} seconds", f"占券保留 {campaign.hold_s} 秒")

"""What a voucher type would do to an order, step by step, with the very rules of the till."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.shared.domain.campaign import Campaign, Round, VoucherType, validity_of
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.money import FundingParts, floor_share
from functions.shared.domain.orders import Benefit, Order, Priced, price_order
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, plan_refund
from functions.shared.domain.tills import require_stacking
from functions.shared.edge.languages import Language, Words
from functions.shared.edge.problems import problem_document
from functions.shared.files.numerals import beijing_text, percent_text, yuan_text


@dataclass(frozen=True, slots=True)
class Till:
    """Where and when the order is paid; what is None is not asked about.

    Args:
        industry: of the merchant.
        platform_id: through which it is paid.
        claimed_at: when the voucher was claimed.
        at: when it is paid.

    """

    industry: str
    platform_id: str
    claimed_at: datetime | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the explanation; `is_met` is None where nothing is asked."""

    words: Words
    is_met: bool | None = None


def explain(
    campaign: Campaign,
    voucher_type: VoucherType,
    order: Order,
    till: Till,
    refunds_fen: Sequence[int] = (),
) -> Iterator[Step]:
    """The steps from the order to what everybody pays, and to what each refund reverses.

    They end where the voucher is refused.
    """
    yield from _times(campaign, voucher_type, till)
    if till.industry not in campaign.scope.industries:
        industries = ", ".join(campaign.scope.industries)
        yield Step(
            Words(
                f"{till.industry} is not in scope: {industries}",
                f"行业 {till.industry} 不在适用范围：{industries}",
            ),
            is_met=False,
        )
        return
    benefit = voucher_type.benefit_at(till.industry, till.platform_id)
    yield from _order(order)
    try:
        require_stacking(voucher_type, order)
        priced = price_order(order, benefit)
    except HuiminError as refusal:
        yield from _base(order, benefit)
        yield Step(_told(refusal), is_met=False)
        return
    yield from _base(order, benefit)
    yield from _voucher(order, benefit, priced)
    yield from _parts(Words("paid by", "其中"), priced.parts)
    yield Step(
        Words(
            f"the consumer pays {yuan_text(priced.paid_fen)}",
            f"消费者实付 {yuan_text(priced.paid_fen)}",
        )
    )
    yield from _refunds(campaign, order, priced, refunds_fen)
    yield from _earned(campaign, order)


def _earned(campaign: Campaign, order: Order) -> Iterator[Step]:
    """Which vouchers the order would earn, before its refunds."""
    for voucher_type in campaign.voucher_types:
        rule = voucher_type.earned_by
        if rule is None:
            continue
        base_fen = order.base_fen(rule.threshold_base)
        name, base, least = (
            voucher_type.voucher_type_id,
            yuan_text(base_fen),
            yuan_text(rule.threshold_fen),
        )
        yield Step(
            Words(
                f"the order earns {name} from {least}; {rule.threshold_base} counts {base}",
                f"满 {least} 可获得 {name}，按 {rule.threshold_base} 计 {base}",
            ),
            is_met=base_fen >= rule.threshold_fen,
        )


def _told(refusal: HuiminError) -> Words:
    english, chinese = (
        problem_document(refusal, language=language, instance="", request_id="")["detail"]
        for language in (Language.EN, Language.ZH)
    )
    return Words(f"{refusal.code}: {english}", f"{refusal.code}：{chinese}")


def _times(campaign: Campaign, voucher_type: VoucherType, till: Till) -> Iterator[Step]:
    if till.claimed_at is None:
        return
    in_round = _round_at(campaign, till.claimed_at)
    if in_round is None:
        yield Step(Words("no round is open then", "当时没有开放的轮次"), is_met=False)
        return
    valid_from, valid_until = validity_of(voucher_type, in_round, till.claimed_at)
    begins, ends = beijing_text(valid_from), beijing_text(valid_until)
    is_valid = None if till.at is None else valid_from <= till.at < valid_until
    yield Step(
        Words(f"valid from {begins} to {ends}", f"有效期 {begins} 至 {ends}"), is_met=is_valid
    )
    if till.at is not None and not voucher_type.validity.times.is_always:
        at = beijing_text(till.at)
        yield Step(
            Words(f"within its weekdays and hours at {at}", f"{at} 在可用时段内"),
            is_met=voucher_type.validity.times.include(till.at),
        )


def _round_at(campaign: Campaign, at: datetime) -> Round | None:
    return next((r for r in campaign.rounds if r.opens_at <= at < r.closes_at), None)


def _order(order: Order) -> Iterator[Step]:
    yield Step(Words(f"order {yuan_text(order.order_fen)}", f"订单 {yuan_text(order.order_fen)}"))
    if order.merchant_discount_fen:
        off = yuan_text(order.merchant_discount_fen)
        yield Step(Words(f"the merchant takes {off} off", f"商户优惠 {off}"))
    if order.platform_discount_fen:
        off = yuan_text(order.platform_discount_fen)
        yield Step(Words(f"the platform takes {off} off", f"平台优惠 {off}"))


def _base(order: Order, benefit: Benefit) -> Iterator[Step]:
    base_fen = order.base_fen(benefit.threshold_base)
    base, threshold = yuan_text(base_fen), yuan_text(benefit.threshold_fen)
    yield Step(
        Words(
            f"{benefit.threshold_base} counts {base}; the threshold is {threshold}",
            f"按 {benefit.threshold_base} 计 {base}，门槛 {threshold}",
        ),
        is_met=base_fen >= benefit.threshold_fen,
    )


def _voucher(order: Order, benefit: Benefit, priced: Priced) -> Iterator[Step]:
    if benefit.percent_off_bp is not None:
        share = percent_text((benefit.percent_off_bp, 10_000))
        off = yuan_text(floor_share(priced.base_fen, benefit.percent_off_bp))
        most = yuan_text(benefit.greatest_fen)
        yield Step(
            Words(f"{share} of it is {off}; at most {most}", f"其 {share} 为 {off}，最多 {most}")
        )
    if benefit.order_share_cap_bp is not None:
        share = percent_text((benefit.order_share_cap_bp, 10_000))
        most = yuan_text(floor_share(order.order_fen, benefit.order_share_cap_bp))
        yield Step(Words(f"at most {share} of the order: {most}", f"不超过订单的 {share}：{most}"))
    worth = yuan_text(priced.voucher_fen)
    yield Step(Words(f"the voucher takes {worth} off", f"券抵扣 {worth}"), is_met=True)


def _parts(head: Words, parts: FundingParts) -> Iterator[Step]:
    fiscal, platform, merchant = (
        yuan_text(fen) for fen in (parts.fiscal_fen, parts.platform_fen, parts.merchant_fen)
    )
    yield Step(
        Words(
            f"{head.en} public money {fiscal}, platform {platform}, merchant {merchant}",
            f"{head.zh} 财政 {fiscal}，平台 {platform}，商户 {merchant}",
        )
    )


def _refunds(
    campaign: Campaign, order: Order, priced: Priced, refunds_fen: Sequence[int]
) -> Iterator[Step]:
    redeemed = Redeemed(
        order_fen=order.order_fen,
        merchant_discount_fen=order.merchant_discount_fen,
        platform_discount_fen=order.platform_discount_fen,
        voucher_fen=priced.voucher_fen,
        paid_fen=priced.paid_fen,
        parts=priced.parts,
    )
    already = NOTHING_REFUNDED
    for refund_fen in refunds_fen:
        asked = yuan_text(refund_fen)
        try:
            step = plan_refund(
                redeemed, already, refund_fen=refund_fen, policy=campaign.refunds.part
            )
        except HuiminError as refusal:
            yield Step(Words(f"refund of {asked}", f"退款 {asked}"))
            yield Step(_told(refusal), is_met=False)
            return
        consumer, back = yuan_text(step.paid_fen), yuan_text(step.voucher_fen)
        yield Step(
            Words(
                f"refund of {asked}: {consumer} to the consumer, {back} of the voucher's goes back",
                f"退款 {asked}：退消费者 {consumer}，退回券金额 {back}",
            ),
            is_met=True,
        )
        yield from _parts(Words("back to", "退回"), step.parts)
        already = step.after
        if step.is_whole:
            valid, expired = campaign.refunds.whole_valid, campaign.refunds.whole_expired
            yield Step(
                Words(
                    f"a whole refund: {valid} while valid, {expired} after",
                    f"全额退款：有效期内 {valid}，过期后 {expired}",
                )
            )

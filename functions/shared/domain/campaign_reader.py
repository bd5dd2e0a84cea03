"""A campaign from its document, whose shape `shared.edge.campaign_document` has checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.shared.domain.business_time import parse_rfc3339
from functions.shared.domain.campaign import (
    Allocation,
    BankAccount,
    Campaign,
    Contract,
    Distribution,
    EarningRule,
    Eligibility,
    LimitScope,
    MerchantScope,
    OrderShareCap,
    Pack,
    PersonLimit,
    Rollover,
    Round,
    Stacking,
    Text,
    Validity,
    ValidityKind,
    ValidityStart,
    VoucherType,
)
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.money import FundingShares
from functions.shared.domain.orders import Benefit, ThresholdBase, VoucherKind
from functions.shared.domain.refund_policies import (
    PartPolicy,
    RefundPolicies,
    WholeExpiredPolicy,
    WholeValidPolicy,
)
from functions.shared.domain.usage_times import UsageTimes


def campaign_from_document(document: Mapping[str, Any]) -> Campaign:
    """The campaign of a document whose shape has been checked.

    Raises:
        HuiminError: CAMPAIGN_INVALID when a voucher type's amounts contradict each other.
        KeyError: the shape was not checked.

    """
    person = document["person"]
    refunds = document["refunds"]
    return Campaign(
        campaign_id=document["campaign_id"],
        name=Text(**document["name"]),
        appropriated_fen=document["appropriated_fen"],
        source_account=BankAccount(**document["source_account"]),
        identities=tuple(IdentityKind(kind) for kind in person["identities"]),
        eligibility=Eligibility(
            real_name=person["eligibility"]["real_name"],
            located_in=tuple(person["eligibility"]["located_in"]),
        ),
        scope=_scope(document["scope"]),
        voucher_types=tuple(
            _voucher_type(plain, f"/voucher_types/{number}")
            for number, plain in enumerate(document["voucher_types"])
        ),
        rounds=tuple(_round(plain) for plain in document["rounds"]),
        limits=tuple(
            PersonLimit(LimitScope(plain["scope"]), plain["max_count"])
            for plain in document["limits"]
        ),
        refunds=RefundPolicies(
            whole_valid=WholeValidPolicy(refunds["whole_valid"]),
            whole_expired=WholeExpiredPolicy(refunds["whole_expired"]),
            part=PartPolicy(refunds["part"]),
        ),
        refund_window_days=refunds["window_days"],
        hold_s=document["hold_s"],
        rollover=Rollover(document["rollover"]),
        packs=tuple(
            Pack(plain["pack_id"], Text(**plain["name"]), tuple(plain["voucher_type_ids"]))
            for plain in document.get("packs") or ()
        ),
        holding_account=(
            BankAccount(**document["holding_account"]) if document.get("holding_account") else None
        ),
        contracts=tuple(
            Contract(
                plain["platform_id"], plain["confirm_within_days"], BankAccount(**plain["account"])
            )
            for plain in document.get("contracts") or ()
        ),
    )


def _voucher_type(plain: Mapping[str, Any], pointer: str) -> VoucherType:
    try:
        benefit = Benefit(
            kind=VoucherKind(plain["kind"]),
            face_fen=plain.get("face_fen"),
            percent_off_bp=plain.get("percent_off_bp"),
            cap_fen=plain.get("cap_fen"),
            threshold_fen=plain["threshold_fen"],
            threshold_base=ThresholdBase(plain["threshold_base"]),
            funding=FundingShares(**plain["funding"]),
            order_share_cap_bp=plain.get("order_share_cap_bp"),
        )
        validity = _validity(plain["validity"])
    except ValueError as error:
        finding = {"pointer": pointer, "en": str(error), "zh": f"券种规则有误：{error}"}
        raise HuiminError(Code.CAMPAIGN_INVALID, errors=[finding]) from error
    return VoucherType(
        voucher_type_id=plain["voucher_type_id"],
        name=Text(**plain["name"]),
        benefit=benefit,
        validity=validity,
        distribution=Distribution(plain.get("distribution") or Distribution.FIRST_COME),
        order_share_caps=tuple(
            OrderShareCap(
                cap["share_bp"],
                industries=tuple(cap.get("industries") or ()),
                platforms=tuple(cap.get("platforms") or ()),
            )
            for cap in plain.get("order_share_caps") or ()
        ),
        stacking=Stacking(**(plain.get("stacking") or {})),
        earned_by=_earning_rule(plain.get("earned_by")),
    )


def _earning_rule(plain: Mapping[str, Any] | None) -> EarningRule | None:
    if plain is None:
        return None
    return EarningRule(plain["threshold_fen"], ThresholdBase(plain["threshold_base"]))


def _scope(plain: Mapping[str, Any]) -> MerchantScope:
    return MerchantScope(
        industries=tuple(plain["industries"]),
        merchants=tuple(plain.get("merchants") or ()),
        districts=tuple(plain.get("districts") or ()),
    )


def _validity(plain: Mapping[str, Any]) -> Validity:
    valid_from, valid_until = plain.get("valid_from"), plain.get("valid_until")
    return Validity(
        kind=ValidityKind(plain["kind"]),
        days=plain.get("days"),
        valid_from=parse_rfc3339(valid_from) if valid_from else None,
        valid_until=parse_rfc3339(valid_until) if valid_until else None,
        starts=ValidityStart(plain.get("starts") or ValidityStart.AT_ONCE),
        times=_usage_times(plain.get("times") or {}),
    )


def _usage_times(plain: Mapping[str, Any]) -> UsageTimes:
    return UsageTimes(
        weekdays=tuple(plain.get("weekdays") or ()),
        hours=tuple(
            (_minute(span["from"]), _minute(span["until"])) for span in plain.get("hours") or ()
        ),
    )


def _minute(text: str) -> int:
    """Minutes from midnight of a time as 09:30; 24:00 is the day's end."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _round(plain: Mapping[str, Any]) -> Round:
    return Round(
        round_id=plain["round_id"],
        opens_at=parse_rfc3339(plain["opens_at"]),
        closes_at=parse_rfc3339(plain["closes_at"]),
        stock=tuple(Allocation(**allocation) for allocation in plain["stock"]),
    )

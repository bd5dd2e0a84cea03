"""Where every fen lies, counted from raw items alone: the store's own reading is not trusted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.deployment import Deployment

RawItem = dict[str, Any]


def require_books_close(deployment: Deployment) -> None:
    """Every campaign's money is in one of its places, and no place is below nothing.

    appropriated = unallocated + returned + pots + shards (unissued, lapsed)
                   + vouchers (not used: their reserve; used: their slack) + redeemed net
    """
    for campaign in deployment.items("campaigns"):
        campaign_id = _text(campaign, "campaign_id")
        places = [_number(campaign, "unallocated_fen"), _number(campaign, "returned_fen")]
        places += [_number(pool, "pot_fen") for pool in _of(deployment, "pools", campaign_id)]
        for shard in deployment.items("stock"):
            if _text(shard, "shard_id").startswith(f"{campaign_id}/"):
                reserve_fen = _number(shard, "unit_reserve_fen")
                places += [_number(shard, "available") * reserve_fen, _number(shard, "lapsed_fen")]
        places += [_held_by(voucher) for voucher in _of(deployment, "vouchers", campaign_id)]
        places += [_net_of(entry) for entry in _of(deployment, "ledger", campaign_id)]
        assert min(places) >= 0, places
        assert sum(places) == _number(campaign, "appropriated_fen"), campaign_id
    _require_vouchers_counted(deployment)


def _require_vouchers_counted(deployment: Deployment) -> None:
    """Each shard has issued as many vouchers as there are; each person knows of theirs."""
    vouchers = deployment.items("vouchers")
    issued = Counter(_text(voucher, "shard_id") for voucher in vouchers)
    for shard in deployment.items("stock"):
        assert _number(shard, "issued") == issued[_text(shard, "shard_id")]
        assert _number(shard, "allocated") == _number(shard, "available") + _number(shard, "issued")
    known = {
        (_text(person, "person_key"), entry["S"])
        for person in deployment.items("people")
        for entry in person["voucher_ids"]["L"]
    }
    assert known == {
        (f"{_text(voucher, 'campaign_id')}#{ref['S']}", _text(voucher, "voucher_id"))
        for voucher in vouchers
        for ref in voucher["identity_refs"]["L"]
    }
    for person in deployment.items("people"):
        assert min([int(value["N"]) for value in person.values() if "N" in value] or [0]) >= 0


def _of(deployment: Deployment, suffix: str, campaign_id: str) -> list[RawItem]:
    items = deployment.items(suffix)
    return [item for item in items if _text(item, "campaign_id") == campaign_id]


def _held_by(voucher: RawItem) -> int:
    match _text(voucher, "state"):
        case "ISSUED" | "HELD":
            return _number(voucher, "reserve_fen")
        case "REDEEMED":
            return _number(voucher, "slack_fen")
        case _:
            return 0


def _net_of(entry: RawItem) -> int:
    if _text(entry, "entry_type") != "REDEEM":
        return 0
    return _number(entry, "fiscal_part_fen") - _number(entry, "refunded_fiscal_part_fen")


def _text(item: RawItem, name: str) -> str:
    text: str = item[name]["S"]
    return text


def _number(item: RawItem, name: str) -> int:
    return int(item[name]["N"])

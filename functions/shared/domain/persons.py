"""Who a person is in a campaign: one ref for each identity that the campaign counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.identity import IdentityKind, person_ref
from functions.shared.domain.keys import Keys


def identity_refs(
    identities: Mapping[IdentityKind, str],
    *,
    wanted: Sequence[IdentityKind],
    platform_id: str,
    keys: Keys,
    pointer: str = "/person",
) -> tuple[str, ...]:
    """The refs of a person's identities, in the campaign's order; the first is the person's.

    An account means nothing outside its platform, so the platform is part of its ref; the others
    are the same on every platform.

    Args:
        identities: normalised, by kind; what the campaign does not ask for is left unused.
        wanted: the kinds that make one person in this campaign.
        platform_id: whose account it is.
        keys: the deployment's keys.
        pointer: where the person stands in the request.

    Raises:
        HuiminError: INVALID_FIELDS naming the first kind that is missing.

    """
    refs = []
    for kind in wanted:
        if kind not in identities:
            raise HuiminError(
                Code.INVALID_FIELDS,
                errors=[
                    {
                        "pointer": f"{pointer}/{kind.value.lower()}",
                        "en": "is needed: this campaign tells persons apart by it; add it",
                        "zh": "本活动按此项识别自然人，请补上",
                    }
                ],
            )
        refs.append(
            person_ref(
                kind,
                identities[kind],
                key=keys.person_key,
                key_version=keys.person_key_version,
                scope=platform_id if kind is IdentityKind.ACCOUNT else "",
            )
        )
    return tuple(refs)

"""Units are taken from shards in proportion, never more than there are, never other than asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.stock_changes import shares_to_take

levels = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(0, 10**6), max_size=30)


@given(available=levels, units=st.integers(0, 10**7))
def test_what_is_asked_for_is_taken_as_far_as_there_is_any(
    available: dict[str, int], units: int
) -> None:
    shares = shares_to_take(available, units)
    assert sum(shares.values()) == min(units, sum(available.values()))
    assert all(1 <= share <= available[name] for name, share in shares.items())


@given(available=levels.filter(lambda found: sum(found.values()) > 0), units=st.integers(0, 10**7))
def test_each_gives_in_proportion_to_a_unit(available: dict[str, int], units: int) -> None:
    shares = shares_to_take(available, units)
    total = sum(available.values())
    for name, level in available.items():
        exact = min(units, total) * level / total
        assert abs(shares.get(name, 0) - exact) <= 1


def test_of_shards_without_units_nothing_is_taken() -> None:
    assert shares_to_take({"a": 0, "b": 0}, 5) == {}
    assert shares_to_take({}, 5) == {}

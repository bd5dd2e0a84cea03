from datetime import UTC, datetime, timedelta, timezone

import pytest

from functions.shared.edge import clock

THEN = datetime(2026, 1, 3, 10, tzinfo=timezone(timedelta(hours=8)))


def test_time_is_the_sources_in_utc_and_the_former_source_returns() -> None:
    before = clock.now()
    with clock.use(lambda: THEN):
        assert clock.now() == THEN
        assert clock.now().tzinfo is UTC
        with clock.use(lambda: THEN + timedelta(1)):
            assert clock.now() == THEN + timedelta(1)
        assert clock.now() == THEN
    assert clock.now() == before


def test_source_returns_after_a_failure() -> None:
    before = clock.now()
    with pytest.raises(KeyError), clock.use(lambda: THEN):
        raise KeyError
    assert clock.now() == before


def test_time_without_an_offset_is_refused() -> None:
    with clock.use(lambda: THEN.replace(tzinfo=None)), pytest.raises(ValueError, match="aware"):
        clock.now()


def test_system_time_is_aware() -> None:
    assert clock.system_time().tzinfo is UTC

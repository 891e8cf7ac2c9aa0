"""Times as JSON has them."""

from datetime import datetime, timedelta, timezone

from transfer.http.rendering import rfc3339


def test_a_time_is_written_in_utc_and_exactly() -> None:
    east = timezone(timedelta(hours=2))
    moment = datetime(2026, 3, 2, 11, 0, 0, 123456, tzinfo=east)
    assert rfc3339(moment) == "2026-03-02T09:00:00.123456Z"
    assert rfc3339(None) is None

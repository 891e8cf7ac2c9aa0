"""How long a case core asks to be left alone."""

from datetime import timedelta

import pytest

from tests.clock import START
from transfer.casebridge.core_client import retry_after


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("120", timedelta(minutes=2)),
        (" 5 ", timedelta(seconds=5)),
        ("0", timedelta()),
        ("999999999999999999999999", timedelta(hours=1)),
        ("Mon, 02 Mar 2026 09:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 02 Mar 2026 08:00:00 GMT", timedelta()),
        ("Wed, 02 Mar 2033 08:00:00 GMT", timedelta(hours=1)),
        ("Mon, 02 Mar 2026 09:00:30 -0000", None),  # of no zone that is known
        ("soon", None),
        ("Mon, 02 Mar 99999999999999999999 08:00:00 GMT", None),
        ("Mon, 02 Mar 2026 08:00:00 +999999999999999999", None),
        ("-5", None),
        ("\u0665", None),
        ("", None),
    ],
)
def test_it_is_seconds_or_a_date_and_an_hour_at_most(
    value: str | None, wait: timedelta | None
) -> None:
    assert retry_after(value, START) == wait

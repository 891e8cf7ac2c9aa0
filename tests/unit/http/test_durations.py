"""Durations as people read them."""

from datetime import timedelta

import pytest
from babel import Locale

from transfer.http.site.quantities import duration_text


@pytest.mark.parametrize(
    ("duration", "english", "german"),
    [
        (timedelta(hours=120), "120 hours", "120 Stunden"),
        (timedelta(hours=119, minutes=59, seconds=59), "120 hours", "120 Stunden"),
        (timedelta(days=30), "30 days", "30 Tage"),
        (timedelta(hours=1), "60 minutes", "60 Minuten"),
        (timedelta(seconds=40), "40 seconds", "40 Sekunden"),
    ],
)
def test_a_duration_is_told_in_one_unit(duration: timedelta, english: str, german: str) -> None:
    assert duration_text(duration, Locale("en")) == english
    assert duration_text(duration, Locale("de")) == german

"""Sizes and counts, as people read them in their language."""

import pytest
from babel import Locale

from transfer.http.site.quantities import number_text, size_text

ENGLISH, GERMAN = Locale("en"), Locale("de")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (12_345_678, "12.3 MB"),
        (5 * 10**9, "5 GB"),
        (48_800_000_000_000, "48.8 TB"),
        (2 * 10**18, "2000 PB"),
    ],
)
def test_a_size_has_three_digits(size: int, text: str) -> None:
    assert size_text(size, ENGLISH) == text


def test_a_size_and_a_number_are_written_as_the_reader_writes_them() -> None:
    assert size_text(1_234_567, GERMAN) == "1,23 MB"
    assert number_text(1_234_567, ENGLISH) == "1,234,567"
    assert number_text(1_234_567, GERMAN) == "1.234.567"

"""Numbers as people read them, in their language: sizes with three digits, counts in groups."""

from datetime import timedelta

from babel import Locale
from babel.dates import format_timedelta
from babel.numbers import format_decimal
from babel.units import format_unit

_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")
_STEP = 1000
_NEXT_FROM = 999.5
"""What three digits would round up to a thousand."""
_UNITS_OF_THE_NEXT = 6
"""How many days are no longer told in hours, and so on: 120 hours stay 120 hours."""


def size_text(size_bytes: int, locale: Locale) -> str:
    """Return a size like `1.23 GB`."""
    value, unit = float(size_bytes), 0
    while value >= _NEXT_FROM and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    if unit == 0:
        return format_unit(size_bytes, "digital-byte", "long", locale=locale)
    return format_unit(value, f"digital-{_UNITS[unit]}", "short", format="@##", locale=locale)


def number_text(number: int, locale: Locale) -> str:
    """Return a number like `1,234,567`."""
    return format_decimal(number, locale=locale)


def duration_text(duration: timedelta, locale: Locale) -> str:
    """Return a duration in one unit, like `120 hours`."""
    return str(format_timedelta(duration, threshold=_UNITS_OF_THE_NEXT, locale=locale))

"""Types of columns that keep the same value on every database."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, Text
from sqlalchemy.types import TypeDecorator

SerialNumber = BigInteger().with_variant(Integer(), "sqlite")
"""A key that the database counts up; SQLite does that for its plain INTEGER only."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. SQLite would drop the offset of any other time zone without a word."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return `value` in UTC.

        Raises:
            ValueError: a naive value.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment in the records is aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return what was stored, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Unsigned64(TypeDecorator[int]):
    """An unsigned 64-bit number, such as a CRC64NVME: too wide for any integer column."""

    impl = LargeBinary(8)
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> bytes | None:
        """Return `value` as eight bytes, the highest first."""
        return None if value is None else value.to_bytes(8, "big")

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> int | None:
        """Return the number."""
        return None if value is None else int.from_bytes(value, "big")


class Word(TypeDecorator[StrEnum]):
    """A member of a StrEnum, stored as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        """Take the enumeration that the column is of."""
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        """Return the text of `value`."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, _dialect: Dialect) -> StrEnum | None:
        """Return the member that was stored."""
        return None if value is None else self.words(value)


def is_storable(text: str) -> bool:
    """Whether every database can hold `text`: valid Unicode without NUL."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x00" not in text

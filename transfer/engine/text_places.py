"""A place in the text of a file, from which the next request goes on: as a cursor."""

import base64
import json
from dataclasses import dataclass

from transfer.core.errors import InvalidRequestError
from transfer.core.text_encodings import Encoding
from transfer.core.uploads import StoredFile

_HIGHEST = 1 << 53
_FIELDS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPlace:
    """Where in a text: `position` in its bytes, in which the line number `line` begins or goes on.

    Of a compressed file it is reached from `member_start` in the stored bytes, which is
    `member_position` in the text. A search hasn't yet looked at `from_line`, and has shown the line
    `shown`.
    """

    encoding: Encoding
    is_gzip: bool
    position: int
    line: int = 1
    member_start: int = 0
    member_position: int = 0
    from_line: int = 1
    shown: int = 0

    def cursor(self) -> str:
        """Return it in a form that nobody is meant to read."""
        numbers = [self.position, self.line, self.member_start, self.member_position]
        place = [self.encoding, int(self.is_gzip), *numbers, self.from_line, self.shown]
        return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def parse_place(cursor: str, file: StoredFile) -> TextPlace:
    """Return the place in `file` that a cursor names.

    Raises:
        InvalidRequestError: it is none from here, or of another file.
    """
    try:
        name, *numbers = json.loads(base64.urlsafe_b64decode(cursor))
        encoding = Encoding(name)
    except (ValueError, TypeError, RecursionError) as exc:
        raise _foreign() from exc
    if len(numbers) != _FIELDS or not all(_is_place(number) for number in numbers):
        raise _foreign()
    is_gzip, position, line, member_start, member_position, from_line, shown = numbers
    first = member_start if is_gzip else position
    if line < 1 or member_position > position or first > file.size:
        raise _foreign()
    if is_gzip > 1 or position % encoding.unit_bytes:
        raise _foreign()
    return TextPlace(
        encoding=encoding,
        is_gzip=bool(is_gzip),
        position=position,
        line=line,
        member_start=member_start,
        member_position=member_position,
        from_line=from_line,
        shown=shown,
    )


def _is_place(number: object) -> bool:
    return type(number) is int and 0 <= number < _HIGHEST


def _foreign() -> InvalidRequestError:
    return InvalidRequestError("`after` is the `next` of the page before, unchanged.")

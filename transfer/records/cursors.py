"""Where a page of a list ended: a moment and an id, in a form that nobody is meant to read."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from transfer.core.errors import InvalidRequestError
from transfer.records.columns import is_storable

_HIGHEST_SERIAL = 2**63 - 1


def cursor(moment: datetime, row_id: str) -> str:
    """Return the cursor behind the row of `row_id`."""
    return _written(moment.isoformat(), row_id)


def size_cursor(size: int, row_id: str) -> str:
    """Return the cursor behind the row of `row_id` in a list by size."""
    return _written(size, row_id)


def parse_cursor(text: str) -> tuple[datetime, str]:
    """Return the moment and the id of a cursor.

    Raises:
        InvalidRequestError: it is none from here.
    """
    try:
        moment, row_id = _read(text)
        # Whatever else someone has put in there, these two can't be but a moment and a text.
        place = datetime.fromisoformat(moment).astimezone(UTC), str(row_id)
    except (ValueError, TypeError, OverflowError, RecursionError) as exc:
        raise _foreign() from exc
    if not is_storable(place[1]):
        raise _foreign()
    return place


def parse_serial_cursor(text: str) -> int:
    """Return the serial number of a cursor whose rows are counted up.

    Raises:
        InvalidRequestError: it is none from here.
    """
    return parse_moment_and_serial(text)[1]


def parse_moment_and_serial(text: str) -> tuple[datetime, int]:
    """Return the moment and the serial number of a cursor whose rows are counted up.

    Raises:
        InvalidRequestError: it is none from here.
    """
    moment, row_id = parse_cursor(text)
    if not (row_id.isascii() and row_id.isdecimal()) or int(row_id[:20]) > _HIGHEST_SERIAL:
        raise _foreign()
    return moment, int(row_id)


def parse_size_cursor(text: str) -> tuple[int, str]:
    """Return the size and the id of a cursor in a list by size.

    Raises:
        InvalidRequestError: it is none from here.
    """
    try:
        size, row_id = _read(text)
    except (ValueError, TypeError, RecursionError) as exc:
        raise _foreign() from exc
    if type(size) is not int or not 0 <= size <= _HIGHEST_SERIAL or not is_storable(str(row_id)):
        raise _foreign()
    return size, str(row_id)


def _written(measure: str | int, row_id: str) -> str:
    # As short as it can be, for it goes into URLs; what is no Unicode is refused when it comes.
    place = json.dumps([measure, row_id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode("utf-8", "surrogatepass")).decode()


def _read(text: str) -> Any:  # noqa: ANN401 - whatever somebody has written there
    return json.loads(base64.urlsafe_b64decode(text))


def _foreign() -> InvalidRequestError:
    return InvalidRequestError("`after` is the `next` of the page before, unchanged.")

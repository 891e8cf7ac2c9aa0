"""Where a page of a list ended: a moment and an id, in a form that nobody is meant to read."""

import base64
import json
from datetime import UTC, datetime

from transfer.core.errors import InvalidRequestError
from transfer.records.columns import is_storable

_HIGHEST_SERIAL = 2**63 - 1


def cursor(moment: datetime, row_id: str) -> str:
    """Return the cursor behind the row of `row_id`."""
    place = json.dumps([moment.isoformat(), row_id])
    return base64.urlsafe_b64encode(place.encode()).decode()


def parse_cursor(text: str) -> tuple[datetime, str]:
    """Return the moment and the id of a cursor.

    Raises:
        InvalidRequestError: it is none from here.
    """
    try:
        moment, row_id = json.loads(base64.urlsafe_b64decode(text))
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
    _, row_id = parse_cursor(text)
    if not (row_id.isascii() and row_id.isdecimal()) or int(row_id[:20]) > _HIGHEST_SERIAL:
        raise _foreign()
    return int(row_id)


def _foreign() -> InvalidRequestError:
    return InvalidRequestError("`after` is the `next` of the page before, unchanged.")

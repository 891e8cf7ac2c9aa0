"""Forms that a browser sends: a few short fields."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from transfer.core.errors import InvalidRequestError, TooLargeError
from transfer.http.bodies import body_of, check_unencoded
from transfer.http.policy import Services

FORM_TYPE = "application/x-www-form-urlencoded"
FORM = web.RequestKey("form", Mapping[str, str])
"""The fields of the form that a page sent, read and let in before its route is asked."""

_MOST_BYTES = 16 * 1024
_MOST_FIELDS = 16


async def read_form(request: web.Request, services: Services) -> Mapping[str, str]:
    """Return the fields of a form; of a field that comes twice the first. No body has none.

    Raises:
        HTTPUnsupportedMediaType: a body that isn't a form.
        TooLargeError, InvalidRequestError: not a form of ours.
    """
    check_unencoded(request)
    raw = bytearray()
    async for chunk in body_of(request, policy=services.policy, clock=services.clock):
        raw += chunk
        if len(raw) > _MOST_BYTES:
            raise TooLargeError(f"A form has at most {_MOST_BYTES} bytes here.")
    if raw and request.content_type != FORM_TYPE:
        raise web.HTTPUnsupportedMediaType(text=f"Send a form, as Content-Type: {FORM_TYPE}.")
    try:
        fields = parse_qsl(raw.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as exc:
        raise InvalidRequestError("The form is malformed.") from exc
    return dict(reversed(fields))

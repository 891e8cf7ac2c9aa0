"""JSON in requests: small, strict, and refused with a message that says what is wrong."""

from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from transfer.core.errors import InvalidRequestError, TooLargeError
from transfer.http.bodies import body_of, check_unencoded
from transfer.http.policy import HttpPolicy
from transfer.ports import Clock

_SHOWN_FAULTS = 3
_FIRST_PRINTABLE = " "


def _printable(text: str) -> str:
    if any(character < _FIRST_PRINTABLE or character == "\x7f" for character in text):
        raise ValueError("no control characters")
    return text.strip()


Line = Annotated[
    str, Field(min_length=1, max_length=500), AfterValidator(_printable), Field(min_length=1)
]
"""A line of text that people write."""


class JsonBody(BaseModel):
    """What a JSON object in a request may hold; anything else is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Body = TypeVar("Body", bound=JsonBody)


async def read_json(
    request: web.Request, model: type[Body], *, policy: HttpPolicy, clock: Clock
) -> Body:
    """Return the body as `model`; none at all is an empty object.

    Raises:
        InvalidRequestError: not JSON, or not what is expected.
        TooLargeError: more than `max_json_bytes`.
        HTTPUnsupportedMediaType: not declared as JSON.
    """
    check_unencoded(request)
    raw = bytearray()
    async for chunk in body_of(request, policy=policy, clock=clock):
        raw += chunk
        if len(raw) > policy.max_json_bytes:
            raise TooLargeError(f"A JSON body has at most {policy.max_json_bytes} bytes here.")
    if raw and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON, as Content-Type: application/json.")
    try:
        return model.model_validate_json(bytes(raw) or b"{}")
    except ValidationError as exc:
        raise InvalidRequestError(_faults(exc)) from exc


def _faults(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        f"{'.'.join(str(step) for step in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in found[:_SHOWN_FAULTS]
    ]
    return "; ".join(shown) + "."

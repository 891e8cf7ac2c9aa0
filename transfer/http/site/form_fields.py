"""The fields of a page's form, read as what they mean."""

from aiohttp import web
from pydantic import ValidationError

from transfer.core.errors import InvalidRequestError
from transfer.http.csrf import CSRF_FIELD
from transfer.http.forms import FORM
from transfer.http.json_bodies import Body
from transfer.http.operations import FORM as FORM_TYPE
from transfer.http.operations import Schema, Takes

_TEXT = {"type": "string"}


def read_fields(request: web.Request, model: type[Body]) -> Body:
    """Return the fields of a form as `model`; one that was left empty is none.

    Raises:
        InvalidRequestError: they aren't filled in as they should be.
    """
    filled = {
        name: value
        for name, value in request.get(FORM, {}).items()
        if name != CSRF_FIELD and value.strip()
    }
    try:
        return model.model_validate(filled)
    except ValidationError as exc:
        names = {str(step) for fault in exc.errors() for step in fault["loc"]}
        raise InvalidRequestError(f"Fill in again: {', '.join(sorted(names))}.") from exc


def form_of(*fields: str) -> Takes:
    """Return the body of a form with `fields`, all of them texts, as the API's description has it.

    One without any may be left out.
    """
    properties: Schema = dict.fromkeys((CSRF_FIELD, *fields), _TEXT)
    return Takes(
        content={FORM_TYPE: {"type": "object", "properties": properties}}, required=bool(fields)
    )

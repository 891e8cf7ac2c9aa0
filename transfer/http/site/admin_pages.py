"""What all pages of the administration have: their menu, the way through a list, and its forms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core.access import Action, may_at_large
from transfer.http.csrf import CSRF_FIELD
from transfer.http.forms import FORM as SENT
from transfer.http.forms import FORM_TYPE
from transfer.http.operations import FORM, Parameter, Takes
from transfer.http.paging import Page, asked_page
from transfer.http.policy import HttpPolicy, public_path
from transfer.http.requests import PRINCIPAL
from transfer.http.site.rendering import POLICY, render_page

ADMIN_PATH = "/admin"
ROWS = 50
_AFTER = "after"
_DONE = "done"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_LINE = 500

DONE = Parameter(name=_DONE, text="What was just done, which the page then tells.")


@dataclass(frozen=True, slots=True)
class Pager:
    """The way through a list: to its first page, and to the next one; None where there is none."""

    first: str | None
    following: str | None


def admin_page(
    request: web.Request, template: str, /, *, status: int = HTTPStatus.OK, **context: object
) -> web.Response:
    """Return a page of the administration, which finds in `allowed` what the reader may do."""
    principal = request[PRINCIPAL]
    allowed = {action for action in Action if may_at_large(principal, action)}
    done = request.query.get(_DONE)
    context = {"allowed": allowed, "done": done, "longest_line": LONGEST_LINE, **context}
    return render_page(request, f"admin/{template}", status=status, **context)


def rows_asked(request: web.Request) -> Page:
    """Return the page of a list that is asked for.

    Raises:
        InvalidRequestError: it is none.
    """
    return asked_page(request, usual=ROWS)


def pager(request: web.Request, following: str | None) -> Pager:
    """Return the way through the list that `request` shows a page of."""
    policy = request.app[POLICY]
    query = {name: value for name, value in request.query.items() if name not in (_AFTER, _DONE)}

    def link(more: Mapping[str, str]) -> str:
        return public_path(policy, str(request.rel_url.with_query({**query, **more})))

    return Pager(
        first=link({}) if _AFTER in request.query else None,
        following=None if following is None else link({_AFTER: following}),
    )


def form_fields(request: web.Request) -> Mapping[str, str]:
    """Return the fields of the form that was sent, without what people put around them.

    Raises:
        HTTPUnsupportedMediaType: it isn't a form.
    """
    if SENT not in request:
        raise web.HTTPUnsupportedMediaType(text=f"Send a form, as Content-Type: {FORM_TYPE}.")
    return {name: value.strip() for name, value in request[SENT].items()}


def is_line(text: str) -> bool:
    """Whether `text` is a line that people may write: some words, and no control characters."""
    return 0 < len(text) <= LONGEST_LINE and _CONTROL.search(text) is None


def takes_form(*fields: str, optional: Sequence[str] = ()) -> Takes:
    """Return the description of a form of these fields."""
    properties = {name: {"type": "string"} for name in (*fields, *optional, CSRF_FIELD)}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return Takes(content={FORM: schema}, required=bool(fields))


def done(policy: HttpPolicy, path: str, what: str) -> web.Response:
    """Return what leads to `path`, where `what` was done is told."""
    location = f"{public_path(policy, path)}?{_DONE}={what}"
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: location})

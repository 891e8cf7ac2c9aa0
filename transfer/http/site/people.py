"""What a person at a browser gets where a program gets JSON: problems as pages, their language."""

from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from transfer.http.errors import PROBLEM
from transfer.http.requests import PRINCIPAL
from transfer.http.site.entrances import entrances, is_way_in
from transfer.http.site.languages import keep_language
from transfer.http.site.problem_texts import problem_text
from transfer.http.site.rendering import POLICY, render_page

_log = structlog.get_logger(__name__)
_OF_THE_BODY = frozenset({"content-type", "content-length"})
_UNAUTHORIZED = 401
_WORTH_ANOTHER_TRY = frozenset({408, 409, 412, 423, 429})
_SERVER_FAULTS = 500


@web.middleware
async def for_people(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a person with a page, and keep the language that they choose."""
    response = await handler(request)
    if not is_for_person(request):
        return response
    problem = response.get(PROBLEM)
    if problem is not None:
        try:
            response = problem_page(request, problem, response)
        except Exception:  # noqa: BLE001 - nothing is outside of this; the problem itself is told
            _log.exception("page-failed", code=problem["code"])
    keep_language(request, response)
    return response


def is_for_person(request: web.Request) -> bool:
    """Whether a person waits for the answer at a browser, rather than a program.

    Of the API it is so where a link leads there, as that of a download.
    """
    if "text/html" not in request.headers.get(hdrs.ACCEPT, "").lower():
        return False
    is_visited = request.headers.get("Sec-Fetch-Dest", "") == "document"
    return is_visited or not request.path.startswith("/api/")


def problem_page(
    request: web.Request, problem: Mapping[str, Any], told: web.StreamResponse
) -> web.Response:
    """Return the page that tells `problem`: what has happened, what to do, how to refer to it.

    What a program is `told` beside the body, as when to come again, a browser is too.
    """
    status, code = int(problem["status"]), str(problem["code"])
    is_outside = status == _UNAUTHORIZED or (PRINCIPAL not in request and is_way_in(request))
    page = render_page(
        request,
        "problem.html",
        status=status,
        problem=problem,
        text=problem_text(code, status),
        helps_again=status in _WORTH_ANOTHER_TRY or status >= _SERVER_FAULTS,
        ways=entrances(request, request.app[POLICY]) if is_outside else None,
    )
    for name, value in told.headers.items():
        if name.lower() not in _OF_THE_BODY:
            page.headers.setdefault(name, value)
    if told.keep_alive is False:
        page.force_close()
    return page

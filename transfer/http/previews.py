"""Looks into files: their first and last lines, and searches, a bounded piece at a time."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action
from transfer.core.errors import InvalidRequestError
from transfer.core.file_signatures import hex_rows, media_type
from transfer.core.text_encodings import Encoding
from transfer.core.text_lines import Line
from transfer.core.text_search import LONGEST_NEEDLE, MOST_CONTEXT, Wanted
from transfer.core.uploads import FileId, StoredFile
from transfer.engine.previews import Look, Part
from transfer.engine.text_forms import Kind
from transfer.http.operations import Parameter, Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.shapes.previews import HexRowShape, LookShape, TextLineShape

USUAL_CONTEXT = 2

_ENCODING = Parameter(
    name="encoding",
    text="What the text is in, if it isn't what it seems to be.",
    schema={"enum": [one.value for one in Encoding]},
)
_PART = Parameter(
    name="part",
    text="`last`: its end instead, which is one page.",
    schema={"enum": [one.value for one in Part], "default": Part.FIRST.value},
)
_SEARCH = (
    Parameter(
        name="find",
        text="What to look for within each line: as it stands, there are no patterns.",
        schema={"type": "string", "minLength": 1, "maxLength": LONGEST_NEEDLE},
        required=True,
    ),
    Parameter(
        name="match_case",
        text="`1`: capital letters are others than small ones.",
        schema={"enum": ["0", "1"], "default": "0"},
    ),
    Parameter(
        name="context",
        text="How many lines to show before and after each match.",
        schema={
            "type": "integer",
            "minimum": 0,
            "maximum": MOST_CONTEXT,
            "default": USUAL_CONTEXT,
        },
    ),
)
_ERRORS: Sequence[type[errors.TransferError]] = (
    errors.InvalidRequestError,
    errors.EntryMissingError,
    errors.StoreUnavailableError,
    errors.KeyUnavailableError,
    errors.UnavailableError,
)


class PreviewRoutes:
    """Looks into files, for who may download them."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._previews = services.previews

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        file = f"/api/v1/files/{{id:{OPAQUE_ID}}}"
        return [web.get(f"{file}/preview", self.show), web.get(f"{file}/search", self.search)]

    @operation(
        "Show a part of a text",
        tag=Tag.FILES,
        text="Up to `limit` lines, of at most 2,000 characters each; what gzip has compressed is "
        "inflated first. Of a file that is no text, its first bytes.",
        parameters=(_PART, *PAGE_OF_LIST, _ENCODING),
        gives=gives(200, LookShape),
        errors=_ERRORS,
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the first or the last lines of a file."""
        page, part = asked_page(request), asked_part(request)
        encoding = asked_encoding(request)
        principal = request[PRINCIPAL]
        file = await self._file(request)
        if part is Part.LAST:
            if page.after is not None:
                raise InvalidRequestError("The last lines are one page: ask without `after`.")
            look = await self._previews.last(principal, file, limit=page.limit, encoding=encoding)
        else:
            look = await self._previews.first(
                principal, file, limit=page.limit, after=page.after, encoding=encoding
            )
        return _answer(file, look)

    @operation(
        "Search a text",
        tag=Tag.FILES,
        text="It stops after `limit` matches, or when it has gone through enough for one request: "
        "go on with `next` until that is null. `read` tells how far it is.",
        parameters=(*_SEARCH, *PAGE_OF_LIST, _ENCODING),
        gives=gives(200, LookShape),
        errors=_ERRORS,
    )
    async def search(self, request: web.Request) -> web.Response:
        """Search a file, for as long as its reader waits."""
        page, encoding = asked_page(request), asked_encoding(request)
        wanted = asked_search(request, limit=page.limit)
        file = await self._file(request)
        look = await self._previews.search(
            request[PRINCIPAL],
            file,
            wanted,
            after=page.after,
            encoding=encoding,
            is_awaited=lambda: is_awaited(request),
        )
        return _answer(file, look)

    async def _file(self, request: web.Request) -> StoredFile:
        file_id = FileId(request.match_info["id"])
        return await self._files.file(request[PRINCIPAL], file_id, Action.DOWNLOAD)


def asked_part(request: web.Request) -> Part:
    """Return which part `request` asks for.

    Raises:
        InvalidRequestError: none that there is.
    """
    return _asked(request, "part", Part) or Part.FIRST


def asked_encoding(request: web.Request) -> Encoding | None:
    """Return the encoding that `request` says a text is in; None if it says none.

    Raises:
        InvalidRequestError: none that is known.
    """
    return _asked(request, "encoding", Encoding)


def asked_search(request: web.Request, *, limit: int) -> Wanted:
    """Return what `request` looks for.

    Raises:
        InvalidRequestError: nothing, or nothing that can be found.
    """
    match_case = request.query.get("match_case", "0")
    if match_case not in ("0", "1"):
        raise InvalidRequestError("match_case is 0 or 1.")
    context = request.query.get("context", str(USUAL_CONTEXT))
    return Wanted(
        needle=request.query.get("find", ""),
        ignore_case=match_case == "0",
        context=int(context) if context.isascii() and context.isdecimal() else -1,
        limit=limit,
    )


def is_awaited(request: web.Request) -> bool:
    """Whether somebody is still there to take the answer."""
    return request.transport is not None and not request.transport.is_closing()


Choice = TypeVar("Choice", bound=StrEnum)


def _asked(request: web.Request, name: str, choices: type[Choice]) -> Choice | None:
    """Return which one of `choices` the parameter `name` is; an empty one is left out by a form."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        return choices(text)
    except ValueError as exc:
        raise InvalidRequestError(f"{name} is one of: {', '.join(choices)}.") from exc


def _answer(file: StoredFile, look: Look) -> web.Response:
    form = look.form
    is_binary = form.kind is Kind.BINARY
    shown = LookShape(
        file_id=file.id,
        kind=form.kind,
        media_type=media_type(form.sample) if is_binary else None,
        compression="gzip" if form.is_gzip else None,
        encoding=form.encoding,
        lines=[_line(line) for line in look.lines],
        hex=[
            HexRowShape(offset=row.offset, hex=row.hex, text=row.text)
            for row in (hex_rows(form.sample) if is_binary else ())
        ],
        size=file.size,
        read=look.read_bytes,
        damaged=look.is_damaged,
        out_of_reach=look.is_out_of_reach,
        next=look.next,
    )
    return json_response(shown.json_object())


def _line(line: Line) -> TextLineShape:
    return TextLineShape(number=line.number, parts=list(line.parts), cut=line.is_cut)

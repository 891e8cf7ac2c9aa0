"""The archive of a case: its files as one zip, of a known length, that goes on at any byte."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from aiohttp import web
from multidict import CIMultiDict

from transfer.core import errors
from transfer.core.access import Principal
from transfer.core.archive_contents import Selection
from transfer.core.archive_marks import parse_marks
from transfer.core.errors import InvalidRequestError
from transfer.core.names import parse_path
from transfer.core.uploads import Direction, FileId
from transfer.engine.archive import Archive
from transfer.http.conditions import names_content, strong_etag
from transfer.http.delivery import Delivery, Representation
from transfer.http.dispositions import attachment
from transfer.http.operations import Parameter, Tag, operation
from transfer.http.parameters import CONDITIONS, delivered
from transfer.http.policy import Services
from transfer.http.ranges import Span
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number

_ID = re.compile(OPAQUE_ID)
_TIME = re.compile(r"[0-9T:.-]{10,32}(Z|[ +-][0-9]{2}:[0-9]{2})")
"""A time with its zone; in a query, a plus sign is a space."""

_NO_TIME = "until is a time like 2026-03-02T09:00:00Z."


class ArchiveRoutes:
    """All files of a case, or some of them, in one download. GET and HEAD."""

    def __init__(self, services: Services) -> None:
        self._archives = services.archives
        self._delivery = Delivery(services.policy)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/api/v1/cases/{number}/archive", self.archive)]

    @operation(
        "Download a case as one zip",
        tag=Tag.FILES,
        text="Of a known length, and resumable by Range: it is the same bytes as long as the same "
        "files are chosen. A list of SHA-256s is inside.",
        parameters=(
            *CONDITIONS,
            Parameter(name="path", text="Only this folder, or file."),
            Parameter(name="files", text="Only the files of these ids, with commas between them."),
            Parameter(
                name="chosen",
                text="Instead of `files`, where these are too many for an address: of all files of "
                "the case that were received by `until`, in the order of their ids, a bit each, "
                "in base64url, behind the CRC-32 of all these ids with line feeds between them, "
                "in hex and a full stop. 412 when the case holds others by now.",
            ),
            Parameter(
                name="direction",
                text="Only those that go this way.",
                schema={"enum": [direction.value for direction in Direction]},
            ),
            Parameter(
                name="until",
                text="Only what was received by then.",
                schema={"type": "string", "format": "date-time"},
            ),
        ),
        gives=delivered("application/zip"),
        errors=(
            errors.InvalidRequestError,
            errors.InvalidNameError,
            errors.EntryMissingError,
            errors.NotAFolderError,
            errors.UnsupportedError,
            errors.ArchiveChangedError,
            errors.StoreUnavailableError,
            errors.KeyUnavailableError,
            errors.UnavailableError,
        ),
        problems=(412, 416),
    )
    async def archive(self, request: web.Request) -> web.StreamResponse:
        """Answer with a zip of what is selected."""
        principal, number = request[PRINCIPAL], case_number(request)
        selection = _selection(request)
        async with self._archives.open(principal, number, selection) as archive:
            found = self._representation(request, principal, archive)
            return await self._delivery.answer(request, found)

    def _representation(
        self, request: web.Request, principal: Principal, archive: Archive
    ) -> Representation:
        etag = strong_etag(archive.etag)

        async def begin(spans: Sequence[Span]) -> None:
            start = min(span.start for span in spans)
            known = names_content(request, etag=etag)
            await self._archives.begin(principal, archive, start=start, known=known)

        return Representation(
            size=archive.size,
            etag=etag,
            # Files come and go within a second, and older ones come back: no date tells them apart.
            modified_at=None,
            content_type="application/zip",
            disposition=attachment(f"case-{archive.case_number}.zip"),
            begin=begin,
            read=partial(self._archives.read, archive),
            more=CIMultiDict(),
        )


def _selection(request: web.Request) -> Selection:
    query = request.query
    if "files" in query and "chosen" in query:
        raise InvalidRequestError("files and chosen say the same in two ways: send one of them.")
    return Selection(
        path=parse_path(query.get("path", "")),
        files=_files(query.getall("files")) if "files" in query else None,
        direction=_direction(query["direction"]) if "direction" in query else None,
        until=_moment(query["until"]) if "until" in query else None,
        marks=parse_marks(query["chosen"]) if "chosen" in query else None,
    )


def _files(texts: Sequence[str]) -> frozenset[FileId]:
    ids = [one.strip() for text in texts for one in text.split(",")]
    if not all(_ID.fullmatch(one) for one in ids):
        raise InvalidRequestError("files is a list of files' ids, with commas between them.")
    return frozenset(FileId(one) for one in ids)


def _direction(text: str) -> Direction:
    try:
        return Direction(text)
    except ValueError as exc:
        words = " or ".join(direction.value for direction in Direction)
        raise InvalidRequestError(f"direction is {words}.") from exc


def _moment(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise InvalidRequestError(_NO_TIME)
    try:
        return datetime.fromisoformat(text.replace(" ", "+")).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InvalidRequestError(_NO_TIME) from exc

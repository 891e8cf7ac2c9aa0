"""The page of a file: what it is, its first or last lines, and a search in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action, may
from transfer.core.errors import InvalidRequestError, UnavailableError
from transfer.core.file_signatures import HexRow, hex_rows, media_type
from transfer.core.names import split
from transfer.core.text_encodings import Encoding
from transfer.core.text_lines import Line
from transfer.core.text_search import LONGEST_NEEDLE
from transfer.core.uploads import FileId, StoredFile
from transfer.engine.previews import Look, Part
from transfer.engine.text_forms import Kind
from transfer.http.operations import HTML, Parameter, Tag, gives, operation
from transfer.http.paging import asked_cursor
from transfer.http.policy import Services
from transfer.http.previews import asked_encoding, asked_part, asked_search, is_awaited
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.site.rendering import render_page

FILE_PATH = f"/files/{{id:{OPAQUE_ID}}}"

_LINES, _MATCHES = 500, 100

ENCODING_NAMES = {
    Encoding.UTF_8: "UTF-8",
    Encoding.UTF_16_LE: "UTF-16 LE",
    Encoding.UTF_16_BE: "UTF-16 BE",
    Encoding.UTF_32_LE: "UTF-32 LE",
    Encoding.UTF_32_BE: "UTF-32 BE",
    Encoding.WINDOWS_1250: "Windows-1250",
    Encoding.WINDOWS_1251: "Windows-1251",
    Encoding.WINDOWS_1252: "Windows-1252",
    Encoding.ISO_8859_15: "ISO 8859-15",
    Encoding.SHIFT_JIS: "Shift_JIS",
    Encoding.EUC_JP: "EUC-JP",
    Encoding.EUC_KR: "EUC-KR",
    Encoding.GB18030: "GB18030",
    Encoding.BIG5: "Big5",
}
"""What people call them, in every language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownText:
    """What the page shows of the content: lines in groups, between which some are left out.

    `look` is None where the store is away.
    """

    look: Look | None
    part: Part
    find: str
    match_case: bool
    encoding: Encoding | None
    is_first_page: bool

    @property
    def groups(self) -> Sequence[Sequence[Line]]:
        """The lines, in groups of those that follow each other."""
        return grouped(self.look.lines) if self.look is not None else ()

    @property
    def match_count(self) -> int:
        """How many lines match."""
        return sum(line.is_match for line in self.look.lines) if self.look is not None else 0

    @property
    def is_text(self) -> bool:
        """Whether there is something to read, and to search."""
        return self.look is not None and self.look.form.kind is Kind.TEXT

    @property
    def encoding_name(self) -> str | None:
        """What people call the encoding that it is shown in."""
        found = self.look.form.encoding if self.look is not None else None
        return ENCODING_NAMES[found] if found is not None else None

    @property
    def media_type(self) -> str | None:
        """What a file that is no text seems to be."""
        return media_type(self.look.form.sample) if self.look is not None else None

    @property
    def hex_rows(self) -> Sequence[HexRow]:
        """The first bytes of a file that is no text."""
        return hex_rows(self.look.form.sample) if self.look is not None else ()


class FilePageRoutes:
    """The pages of files, for who may see their case."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._previews = services.previews

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(FILE_PATH, self.show)]

    @operation(
        "Show a file as a page",
        tag=Tag.PAGES,
        parameters=(
            Parameter(name="part", text="`last`: its end instead of its beginning."),
            Parameter(name="find", text="Lines with this instead."),
            Parameter(name="match_case", text="`1`: capital letters are others than small ones."),
            Parameter(name="encoding", text="What the text is in."),
            Parameter(name="after", text="The following page."),
        ),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError, errors.EntryMissingError),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show a file to who may see it, and its content to who may have it."""
        principal = request[PRINCIPAL]
        file = await self._files.file(principal, FileId(request.match_info["id"]))
        case = await self._files.case(principal, file.case_number)
        folder, name = split(file.path)
        may_look = may(principal, Action.DOWNLOAD, case)
        return render_page(
            request,
            "file.html",
            case=case,
            file=file,
            name=name,
            folder=folder,
            text=await self._text(request, file) if may_look else None,
            encodings=ENCODING_NAMES,
            longest_needle=LONGEST_NEEDLE,
        )

    async def _text(self, request: web.Request, file: StoredFile) -> ShownText:
        part, encoding, after = asked_part(request), asked_encoding(request), asked_cursor(request)
        if part is Part.LAST and after is not None:
            raise InvalidRequestError("The last lines are one page.")
        try:
            look = await self._look(request, file)
        except UnavailableError:
            look = None
        return ShownText(
            look=look,
            part=part,
            find=request.query.get("find", ""),
            match_case=request.query.get("match_case") == "1",
            encoding=encoding,
            is_first_page=after is None,
        )

    async def _look(self, request: web.Request, file: StoredFile) -> Look:
        principal, after = request[PRINCIPAL], asked_cursor(request)
        encoding = asked_encoding(request)
        if request.query.get("find"):
            return await self._previews.search(
                principal,
                file,
                asked_search(request, limit=_MATCHES),
                after=after,
                encoding=encoding,
                is_awaited=lambda: is_awaited(request),
            )
        if asked_part(request) is Part.LAST:
            return await self._previews.last(principal, file, limit=_LINES, encoding=encoding)
        return await self._previews.first(
            principal, file, limit=_LINES, after=after, encoding=encoding
        )


def grouped(lines: Iterable[Line]) -> list[list[Line]]:
    """Return `lines` in groups of those that follow each other."""
    groups: list[list[Line]] = []
    previous: int | None = None
    for line in lines:
        follows = line.number is None or previous is None or line.number - previous in (0, 1)
        if groups and follows:
            groups[-1].append(line)
        else:
            groups.append([line])
        previous = line.number
    return groups

"""A look into a text without downloading it: its first and last lines, and a search in it.

What a request costs is bounded, in memory, in bytes and in threads; where that isn't enough, its
answer has a cursor to go on from.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from transfer.core.access import Action, Principal, authorise
from transfer.core.errors import UnavailableError
from transfer.core.text_encodings import Encoding, character_edge, last_line_end
from transfer.core.text_lines import Line, first_lines
from transfer.core.text_search import Wanted
from transfer.core.uploads import StoredFile
from transfer.engine.policy import Tools
from transfer.engine.text_endings import PART_BYTES, TextEnding
from transfer.engine.text_forms import Form, find_form
from transfer.engine.text_places import TextPlace, parse_place
from transfer.engine.text_searches import TextSearch
from transfer.engine.text_sources import MIB, TextSource
from transfer.ports import AuditEvent

_SEARCHED_BYTES = 64 * MIB
_REACH_BYTES = 2048 * MIB
_AT_ONCE, _WAITING = 4, 32


class Part(StrEnum):
    """Which part of a text is shown."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look into a file found.

    `next` is the cursor from which to go on, None at the end; `read_bytes`, how far into the stored
    file it went. `is_damaged`: there may be more, but it can't be inflated. `is_out_of_reach`:
    there is more, but so far behind the beginning of a compressed text that it isn't shown.
    """

    form: Form
    lines: tuple[Line, ...] = ()
    next: str | None = None
    read_bytes: int = 0
    is_damaged: bool = False
    is_out_of_reach: bool = False


class Previews:
    """Looks into files, for whoever may download them; each is noted in the audit log."""

    def __init__(
        self,
        tools: Tools,
        *,
        searched_bytes: int = _SEARCHED_BYTES,
        reach_bytes: int = _REACH_BYTES,
    ) -> None:
        """Go through about `searched_bytes` of a text in one search.

        `reach_bytes` is how far into a compressed text a request goes: it inflates all before it.
        """
        self._tools = tools
        self._reach_bytes = reach_bytes
        self._searched_bytes = searched_bytes
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._asking = 0

    async def first(
        self,
        principal: Principal,
        file: StoredFile,
        *,
        limit: int,
        after: str | None = None,
        encoding: Encoding | None = None,
    ) -> Look:
        """Return up to `limit` lines from the beginning of a text, or from behind `after`.

        Raises:
            CaseMissingError, ForbiddenError: they may not have it.
            InvalidRequestError: `after` is not a cursor that this gave.
            UnavailableError: too many at once, or the store is away.
        """
        place = parse_place(after, file) if after else None
        await self._begin(principal, file, "file.previewed", continues=place is not None)
        async with self._turn():
            form = await self._form(file, place, encoding)
            place = place or form.beginning()
            if place is None:
                return Look(form=form)
            return await self._first(file, form, place, limit)

    async def last(
        self,
        principal: Principal,
        file: StoredFile,
        *,
        limit: int,
        encoding: Encoding | None = None,
    ) -> Look:
        """Return up to `limit` lines from the end of a text; see `first`.

        They have numbers if all that is before them had to be read for it.
        """
        await self._begin(principal, file, "file.previewed", continues=False)
        async with self._turn():
            form = await self._form(file, None, encoding)
            place = form.beginning()
            if place is None:
                return Look(form=form)
            return await self._last(file, form, place, limit)

    async def search(
        self,
        principal: Principal,
        file: StoredFile,
        wanted: Wanted,
        *,
        after: str | None = None,
        encoding: Encoding | None = None,
        is_awaited: Callable[[], bool] = lambda: True,
    ) -> Look:
        """Return the lines of a text that have what is wanted, and those around them; see `first`.

        It stops early, with a cursor, after so many matches or so many bytes, and without any use
        as soon as it isn't awaited any more.
        """
        place = parse_place(after, file) if after else None
        await self._begin(principal, file, "file.searched", continues=place is not None)
        async with self._turn():
            form = await self._form(file, place, encoding)
            place = place or form.beginning()
            if place is None:
                return Look(form=form)
            return await self._search(file, form, place, wanted, is_awaited)

    async def _begin(
        self, principal: Principal, file: StoredFile, action: str, *, continues: bool
    ) -> None:
        """Let them look, and note it: once for all that goes on from there."""
        case = await self._tools.core.case(file.case_number)
        authorise(principal, Action.DOWNLOAD, case)
        audit = self._tools.records.audit
        if continues and await audit.latest(file.case_number, action, principal.name, file.id):
            return
        await audit.record(
            AuditEvent(
                at=self._tools.clock.now(),
                action=action,
                actor=principal.name,
                case_number=file.case_number,
                subject=file.id,
                door=principal.door,
                address=principal.address,
                details={"path": file.path},
            )
        )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a turn: what runs at once is bounded, and so is the queue."""
        if self._asking >= _AT_ONCE + _WAITING:
            raise UnavailableError("Too many files are being looked into: try again in a moment.")
        self._asking += 1
        try:
            async with self._turns:
                yield
        finally:
            self._asking -= 1

    async def _form(
        self, file: StoredFile, place: TextPlace | None, encoding: Encoding | None
    ) -> Form:
        """Return what `file` holds; who goes on from `place` has found that out before."""
        if place is not None:
            return Form(is_gzip=place.is_gzip, encoding=place.encoding)
        return await find_form(self._tools.store, file, encoding)

    def _source(self, file: StoredFile, place: TextPlace, most: int | None = None) -> TextSource:
        store, reach_bytes = self._tools.store, self._reach_bytes
        return TextSource(store, file, place, reach_bytes=reach_bytes, most=most)

    async def _first(self, file: StoredFile, form: Form, place: TextPlace, limit: int) -> Look:
        source = self._source(file, place, most=PART_BYTES + 1)
        raw = bytearray()
        async with aclosing(source.chunks()) as chunks:
            async for chunk in chunks:
                raw += chunk
                if len(raw) > PART_BYTES:
                    break
        end = len(raw)
        if is_more := end > PART_BYTES:
            end = last_line_end(raw, place.encoding, PART_BYTES)
            end = end or character_edge(raw, place.encoding, PART_BYTES)
        part = bytes(raw[:end])
        found = await asyncio.to_thread(
            first_lines, part, place.encoding, limit=limit, number=place.line
        )
        following = None
        if is_more or found.size < end:
            there = replace(place, line=found.next_number, position=place.position + found.size)
            following = source.reaching(there).cursor()
        return Look(
            form=form,
            lines=found.lines,
            next=following,
            read_bytes=source.read_bytes,
            is_damaged=source.is_damaged and following is None,
            is_out_of_reach=source.is_out_of_reach and following is None,
        )

    async def _last(self, file: StoredFile, form: Form, beginning: TextPlace, limit: int) -> Look:
        place = beginning
        if not form.is_gzip:
            start = max(beginning.position, file.size - PART_BYTES)
            place = replace(place, position=start - start % place.encoding.unit_bytes)
        source = self._source(file, place)
        ending = TextEnding(place.encoding, place.position, is_beginning=place == beginning)
        async with aclosing(source.chunks()) as chunks:
            async for chunk in chunks:
                ending.take(chunk)
        lines: tuple[Line, ...] = ()
        if not source.is_out_of_reach:
            lines = await asyncio.to_thread(ending.lines, limit)
        return Look(
            form=form,
            lines=lines,
            read_bytes=source.read_bytes,
            is_damaged=source.is_damaged,
            is_out_of_reach=source.is_out_of_reach,
        )

    async def _search(
        self,
        file: StoredFile,
        form: Form,
        place: TextPlace,
        wanted: Wanted,
        is_awaited: Callable[[], bool],
    ) -> Look:
        source = self._source(file, place)
        searcher = TextSearch(wanted, place)
        # What is compressed is inflated again from its beginning each time: by going on for as
        # long as that takes, all of it together takes no more than three times as long as once.
        inflated_before = place.position - place.member_position if place.is_gzip else 0
        budget = max(self._searched_bytes, inflated_before)
        is_over = True
        async with aclosing(source.chunks()) as chunks:
            async for chunk in chunks:
                budget -= len(chunk)
                enough = await asyncio.to_thread(searcher.take, chunk) if chunk else False
                if enough or (budget <= 0 and searcher.is_ahead) or not is_awaited():
                    is_over = False
                    break
        if is_over:
            is_over = not await asyncio.to_thread(searcher.take_rest)
        following = None if is_over else source.reaching(searcher.place).cursor()
        return Look(
            form=form,
            lines=searcher.found,
            next=following,
            read_bytes=source.read_bytes,
            is_damaged=source.is_damaged and is_over,
            is_out_of_reach=source.is_out_of_reach and is_over,
        )

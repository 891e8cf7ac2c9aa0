"""Looks into files: bounded, paged, and the same whether a text is compressed or not."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.engine_room import ANALYST, KIB, MIB, NUMBER, EngineRoom, customer, engine_room
from transfer.core.access import Role
from transfer.core.errors import (
    CaseMissingError,
    EntryMissingError,
    InvalidRequestError,
    StoreUnavailableError,
    UnavailableError,
)
from transfer.core.names import CasePath
from transfer.core.text_encodings import Encoding
from transfer.core.text_lines import MAX_SHOWN
from transfer.core.text_search import Wanted
from transfer.core.uploads import StoredFile
from transfer.engine.previews import Look, Previews
from transfer.engine.text_forms import Kind
from transfer.storage.memory import Call, MemoryObjectStore

LOG = [f"{number:06} INFO all is well äöü" for number in range(1, 20_001)]
TEXT = "".join(f"{line}\n" for line in LOG)


async def stored(room: EngineRoom, data: bytes, path: str = "trace.log") -> StoredFile:
    await room.send(path, data, replaces=True)
    entry = await room.files.entry(ANALYST, NUMBER, CasePath(path))
    assert isinstance(entry, StoredFile)
    return entry


def texts(look: Look) -> list[str]:
    return [line.text for line in look.lines]


def numbers(look: Look) -> list[int | None]:
    return [line.number for line in look.lines]


async def all_pages(room: EngineRoom, file: StoredFile, limit: int) -> list[str]:
    lines: list[str] = []
    after, expected = None, 1
    while True:
        look = await room.previews.first(ANALYST, file, limit=limit, after=after)
        assert numbers(look) == list(range(expected, expected + len(look.lines)))
        lines += texts(look)
        expected += len(look.lines)
        after = look.next
        if after is None:
            return lines


def members(text: bytes) -> bytes:
    """Return a gzip file of several members, as joined ones are."""
    size = 200 * KIB
    return b"".join(
        gzip.compress(text[start : start + size], 1) for start in range(0, len(text), size)
    )


FORMS: list[Callable[[str], bytes]] = [
    lambda text: text.encode(),
    lambda text: text.encode("utf-16"),
    lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    lambda text: gzip.compress(text.encode(), 1),
    lambda text: members(text.encode("utf-16")),
]


# ── First lines ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
async def test_pages_from_the_beginning_on_are_the_whole_text(
    room: EngineRoom, form: Callable[[str], bytes]
) -> None:
    file = await stored(room, form(TEXT))
    assert await all_pages(room, file, 7000) == LOG


async def test_a_page_says_what_the_file_is(room: EngineRoom) -> None:
    look = await room.previews.first(ANALYST, await stored(room, members(TEXT.encode())), limit=2)
    assert (look.form.kind, look.form.encoding) == (Kind.TEXT, Encoding.UTF_8)
    assert look.form.is_gzip
    assert texts(look) == LOG[:2]
    assert look.next is not None


async def test_a_file_without_lines_has_none(room: EngineRoom) -> None:
    for data in (b"", gzip.compress(b"")):
        for look in (
            await room.previews.first(ANALYST, await stored(room, data), limit=9),
            await room.previews.last(ANALYST, await stored(room, data), limit=9),
            await room.previews.search(ANALYST, await stored(room, data), Wanted(needle="x")),
        ):
            assert (look.form.kind, look.lines, look.next) == (Kind.EMPTY, (), None)


@pytest.mark.parametrize(
    "data",
    [b"\x7fELF" + bytes(100), gzip.compress(bytes(100), mtime=0), b"\x1f\x8b\x08\xff" + bytes(90)],
)
async def test_what_is_no_text_has_a_sample_alone(room: EngineRoom, data: bytes) -> None:
    file = await stored(room, data)
    look = await room.previews.first(ANALYST, file, limit=9)
    assert (look.form.kind, look.lines) == (Kind.BINARY, ())
    assert look.form.sample
    assert (await room.previews.last(ANALYST, file, limit=9)).form == look.form
    found = await room.previews.search(ANALYST, file, Wanted(needle="E"))
    assert (found.form, found.lines) == (look.form, ())


async def test_a_reader_may_know_the_encoding_better(room: EngineRoom) -> None:
    file = await stored(room, "接続\n".encode("shift_jis"))
    look = await room.previews.first(ANALYST, file, limit=9, encoding=Encoding.SHIFT_JIS)
    assert texts(look) == ["接続"]
    last = await room.previews.last(ANALYST, file, limit=9, encoding=Encoding.SHIFT_JIS)
    assert texts(last) == ["接続"]


async def test_a_line_that_is_longer_than_a_page_goes_on_in_the_next(room: EngineRoom) -> None:
    file = await stored(room, b"x" * 300 * KIB + b"\nlast\n")
    first = await room.previews.first(ANALYST, file, limit=9)
    assert [(line.number, line.is_cut) for line in first.lines] == [(1, True)]
    rest = await room.previews.first(ANALYST, file, limit=9, after=first.next)
    assert numbers(rest) == [1, 2]
    assert rest.next is None


async def test_only_what_is_shown_is_read(room: EngineRoom, store: MemoryObjectStore) -> None:
    file = await stored(room, TEXT.encode() * 10)
    sizes: list[int] = []
    for ask in (room.previews.first, room.previews.last):
        look = await ask(ANALYST, file, limit=10)
        sizes.append(look.read_bytes)
    assert sizes[0] <= 256 * KIB + 1
    assert file.size - 2 * 256 * KIB < sizes[1] == file.size


# ── Last lines ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
async def test_the_last_lines_are_those_of_the_text(
    room: EngineRoom, form: Callable[[str], bytes]
) -> None:
    for text in (TEXT, TEXT[:-1]):
        look = await room.previews.last(ANALYST, await stored(room, form(text)), limit=500)
        assert texts(look) == LOG[-500:]


async def test_last_lines_have_numbers_where_all_was_read(room: EngineRoom) -> None:
    for data, known in (
        (TEXT.encode(), False),
        (gzip.compress(TEXT.encode(), 1, mtime=0), True),
        (members(TEXT.encode() * 4), True),
        (gzip.compress(TEXT.encode("utf-16") * 4, 1, mtime=0), False),
    ):
        lines = data if not known else gzip.decompress(data)
        look = await room.previews.last(ANALYST, await stored(room, data), limit=1)
        assert numbers(look) == [lines.count(b"\n") if known else None]
    short = await room.previews.last(ANALYST, await stored(room, b"one\ntwo"), limit=9)
    assert (numbers(short), texts(short)) == ([1, 2], ["one", "two"])


@pytest.mark.parametrize("ending", ["", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_of_an_endless_line_the_end_is_shown(
    room: EngineRoom, encoding: str, ending: str
) -> None:
    data = ("€" * 300 * KIB + "end" + ending).encode(encoding)
    for form in (data, gzip.compress(data, 1)):
        look = await room.previews.last(ANALYST, await stored(room, form), limit=9)
        (line,) = look.lines
        assert line.text.endswith("€€end")
        assert "\ufffd" not in line.text
        assert len(line.text) <= MAX_SHOWN
        assert line.is_cut


# ── Search ───────────────────────────────────────────────────────────────────────────────────


async def every_match(room: Previews, file: StoredFile, wanted: Wanted) -> list[str]:
    found: list[str] = []
    after, pages, read = None, 0, -1
    while True:
        look = await room.search(ANALYST, file, wanted, after=after)
        assert look.read_bytes >= read
        found += [f"{line.number}:{line.text}" for line in look.lines]
        after, pages, read = look.next, pages + 1, look.read_bytes
        assert pages < 100
        if after is None:
            return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("limit", "searched_bytes"), [(100, 64 * MIB), (3, 64 * MIB), (100, 300 * KIB)]
)
async def test_a_search_finds_all_of_it_in_the_end(
    room: EngineRoom, form: Callable[[str], bytes], limit: int, searched_bytes: int
) -> None:
    lines = list(LOG)
    for index in range(5, len(lines), 997):
        lines[index] += " ERROR Zeitüberschreitung"
    file = await stored(room, form("".join(f"{line}\n" for line in lines) * 3))
    previews = Previews(room.tools, searched_bytes=searched_bytes)
    wanted = Wanted(needle="zeitÜberschreitung", ignore_case=True, context=1, limit=limit)
    found = await every_match(previews, file, wanted)
    shown = sorted(
        {
            index + near
            for index, line in enumerate(lines * 3)
            if "ERROR" in line
            for near in (-1, 0, 1)
        }
    )
    assert found == [f"{index + 1}:{(lines * 3)[index]}" for index in shown]


async def test_a_search_of_a_compressed_text_goes_twice_as_far_each_time(room: EngineRoom) -> None:
    file = await stored(room, gzip.compress(TEXT.encode() * 30, 1))
    previews = Previews(room.tools, searched_bytes=MIB)
    after, places = None, []
    while True:
        look = await previews.search(ANALYST, file, Wanted(needle="nothing"), after=after)
        places.append(look.read_bytes)
        if look.next is None:
            break
        after = look.next
    assert 3 <= len(places) <= 6


async def test_what_nobody_waits_for_is_not_searched(room: EngineRoom) -> None:
    file = await stored(room, TEXT.encode() * 10)
    asked: list[bool] = []

    def is_awaited() -> bool:
        asked.append(True)
        return False

    look = await room.previews.search(
        ANALYST, file, Wanted(needle="nothing"), is_awaited=is_awaited
    )
    assert (len(asked), look.next is None) == (1, False)
    assert look.read_bytes < file.size


async def test_matches_in_the_last_line_may_leave_an_empty_page(room: EngineRoom) -> None:
    file = await stored(room, b"a\na")
    look = await room.previews.search(ANALYST, file, Wanted(needle="a", limit=2))
    assert numbers(look) == [1, 2]
    assert look.next is not None
    rest = await room.previews.search(ANALYST, file, Wanted(needle="a"), after=look.next)
    assert (rest.lines, rest.next) == ((), None)


# ── Limits, and what is damaged ──────────────────────────────────────────────────────────────


async def test_what_can_not_be_inflated_is_shown_as_far_as_it_can(room: EngineRoom) -> None:
    whole = gzip.compress(TEXT.encode(), 1)
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    for data in (whole[: len(whole) // 2], bytes(broken), whole[:-3]):
        file = await stored(room, data)
        first = await room.previews.first(ANALYST, file, limit=5)
        assert (texts(first), first.is_damaged) == (LOG[:5], False)
        last = await room.previews.last(ANALYST, file, limit=5)
        assert last.is_damaged
        assert last.lines
        found = await room.previews.search(ANALYST, file, Wanted(needle="000005", limit=9))
        assert numbers(found) == [5]
        assert (found.is_damaged, found.next) == (True, None)
    short = await stored(room, gzip.compress(b"one\ntwo\n" + b"x" * 50)[:-5])
    assert (await room.previews.first(ANALYST, short, limit=500)).is_damaged


async def test_a_compressed_text_is_followed_only_so_far(room: EngineRoom) -> None:
    file = await stored(room, gzip.compress(TEXT.encode() * 10, 1))
    previews = Previews(room.tools, reach_bytes=2 * MIB)
    last = await previews.last(ANALYST, file, limit=5)
    assert (last.lines, last.is_out_of_reach, last.is_damaged) == ((), True, False)
    found = await previews.search(ANALYST, file, Wanted(needle="000005", limit=50))
    assert (found.is_out_of_reach, found.next) == (True, None)
    assert found.lines
    assert not (await room.previews.last(ANALYST, file, limit=5)).is_out_of_reach


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W10=",
        "bnVsbA==",
        "NQ==",
        "WyJ1dGYtOCIsMCwwLDEsMCwwLDFd",  # one number is missing
        "WyJ1dGYtOSIsMCwwLDEsMCwwLDEsMF0=",  # utf-9
        "WyJ1dGYtOCIsMCwtMSwxLDAsMCwxLDBd",  # a negative place
        "WyJ1dGYtOCIsMCwwLDAsMCwwLDEsMF0=",  # line 0
        "WyJ1dGYtOCIsMCw5OTksMSwwLDAsMSwwXQ==",  # beyond the end
        "WyJ1dGYtOCIsMCwwLDEsMCw1LDEsMF0=",  # a member behind the place
        "WyJ1dGYtMTYtbGUiLDAsMywxLDAsMCwxLDBd",  # between two bytes of a character
        "WyJ1dGYtOCIsNSwwLDEsMCwwLDEsMF0=",  # neither compressed nor not
        "WyJ1dGYtOCIsMCwwLHRydWUsMCwwLDEsMF0=",  # no number
    ],
)
async def test_a_cursor_from_elsewhere_is_refused(room: EngineRoom, cursor: str) -> None:
    file = await stored(room, b"one\ntwo\n")
    with pytest.raises(InvalidRequestError):
        await room.previews.first(ANALYST, file, limit=5, after=cursor)
    with pytest.raises(InvalidRequestError):
        await room.previews.search(ANALYST, file, Wanted(needle="x"), after=cursor)


async def test_a_cursor_of_another_file_does_no_harm(room: EngineRoom) -> None:
    packed = await stored(room, gzip.compress(TEXT.encode(), 1), "packed.log.gz")
    look = await room.previews.first(ANALYST, packed, limit=5)
    plain = await stored(room, TEXT.encode())
    other = await room.previews.first(ANALYST, plain, limit=5, after=look.next)
    assert (other.lines, other.next) == ((), None)


async def test_who_looks_is_noted_once_for_all_pages(room: EngineRoom) -> None:
    file = await stored(room, TEXT.encode())
    first = await room.previews.first(ANALYST, file, limit=5)
    await room.previews.first(ANALYST, file, limit=5, after=first.next)
    await room.previews.first(customer(), file, limit=5, after=first.next)
    await room.previews.last(ANALYST, file, limit=5)
    found = await room.previews.search(ANALYST, file, Wanted(needle="INFO", limit=5))
    await room.previews.search(ANALYST, file, Wanted(needle="INFO"), after=found.next)
    noted = [
        (event.action, event.actor)
        for event in await room.records.audit.events(NUMBER)
        if event.subject == file.id and event.action in ("file.previewed", "file.searched")
    ]
    assert noted == [
        ("file.previewed", "analyst"),
        ("file.previewed", "customer"),
        ("file.previewed", "analyst"),
        ("file.searched", "analyst"),
    ]


async def test_nobody_looks_into_another_case(room: EngineRoom) -> None:
    file = await stored(room, TEXT.encode())
    stranger = customer("0009999999", Role.READ_ONLY)
    for ask in (
        room.previews.first(stranger, file, limit=5),
        room.previews.last(stranger, file, limit=5),
        room.previews.search(stranger, file, Wanted(needle="x")),
    ):
        with pytest.raises(CaseMissingError):
            await ask


async def test_a_store_that_is_away_is_told(room: EngineRoom, store: MemoryObjectStore) -> None:
    file = await stored(room, TEXT.encode())
    store.fail_next("read")
    with pytest.raises(StoreUnavailableError):
        await room.previews.first(ANALYST, file, limit=5)
    await room.store.delete([file.object_key])
    with pytest.raises(EntryMissingError):
        await room.previews.search(ANALYST, file, Wanted(needle="x"))


@asynccontextmanager
async def stalled_room(folder: Path) -> AsyncIterator[tuple[EngineRoom, asyncio.Event]]:
    """A room whose store answers no read before the event."""
    store, go_on = MemoryObjectStore(min_part_bytes=1), asyncio.Event()

    async def stall(call: Call) -> None:
        if call.operation == "read":
            await go_on.wait()

    async with engine_room(folder, store=store) as room:
        store.before = stall
        yield room, go_on


async def test_too_many_at_once_wait_and_even_more_are_refused(tmp_path: Path) -> None:
    async with stalled_room(tmp_path) as (room, go_on), asyncio.timeout(20):
        file = await stored(room, b"one\n")
        asked = [
            asyncio.create_task(room.previews.first(ANALYST, file, limit=5)) for _ in range(37)
        ]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert [type(task.exception()) for task in done] == [UnavailableError]
        go_on.set()
        looks = await asyncio.gather(*(task for task in asked if task not in done))
        assert len(looks) == 36
        assert all(texts(look) == ["one"] for look in looks)

"""A client that sends one file by SFTP, is stopped anywhere, and knows what it may rely on.

`Manner` is how clients send, `World` where they send to: the real service, or a node of the engine
in this process. What a client was told is kept in a `Sender`; whatever happens in between,
`check` finds that true, and the file is whole in the end.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from asyncssh import FXF_APPEND, FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE

KIB = 1024
_IN_PLACE = FXF_WRITE | FXF_CREAT
_PUT = FXF_WRITE | FXF_CREAT | FXF_TRUNC
_HEADER_BYTES = 1000


class LostError(Exception):
    """The client can't tell whether what it asked for was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that a case shows at a path: a received file, or an unfinished upload."""

    id: str
    is_received: bool
    size: int
    sha256: str | None = None


class OpenFile(Protocol):
    """A file that a session has open for writing; every method may raise LostError."""

    async def write(self, offset: int, data: bytes) -> None: ...

    async def read(self, offset: int, size: int) -> bytes: ...

    async def sync(self) -> None: ...

    async def set_size(self, size: int) -> None: ...

    async def close(self) -> None: ...


class Session(Protocol):
    """An SFTP session; every method may raise LostError."""

    async def open(self, path: str, flags: int, size: int | None) -> OpenFile: ...

    async def size(self, path: str) -> int: ...

    async def rename(self, source: str, target: str) -> None: ...

    async def remove(self, path: str) -> None: ...


class World(Protocol):
    """Where files are sent to."""

    def session(self) -> AbstractAsyncContextManager[Session]: ...

    async def found(self, path: str) -> list[Found]:
        """Return what a case shows at `path`, as an analyst is told it."""

    async def sha256_of(self, file: Found) -> str:
        """Return the digest of what a download gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a client sends a file, and how it goes on when it was stopped.

    `before` is the size of a received file that stands at the path. With `goes_on_from_start` the
    client sends all of it again, as scp does. With `reads_back` it looks at its first bytes on the
    way; with `rewrites` it sends them right only at the end, as programs do that write a header
    last. `renames` says when: in the middle, or at the end.
    """

    name: str
    first: int = _PUT
    again: int = _IN_PLACE
    before: int = 0
    announces: bool = False
    shuffles: bool = False
    extends: bool = False
    goes_on_from_start: bool = False
    sets_size: bool = False
    reads_back: bool = False
    rewrites: bool = False
    renames: str | None = None


MANNERS = (
    Manner(name="put-then-resume"),
    Manner(name="put-then-append", again=_IN_PLACE | FXF_APPEND),
    Manner(name="announced-filepart", announces=True, renames="at the end"),
    Manner(name="out-of-order", shuffles=True),
    Manner(
        name="overwrite-in-place",
        first=_IN_PLACE,
        before=700 * KIB,
        goes_on_from_start=True,
        sets_size=True,
    ),
    Manner(name="put-over-a-file", before=90 * KIB),
    Manner(name="put-again-from-the-start", again=_PUT, before=90 * KIB, goes_on_from_start=True),
    Manner(
        name="append-to-a-small-file",
        first=_IN_PLACE | FXF_APPEND,
        again=_IN_PLACE | FXF_APPEND,
        before=100 * KIB,
        extends=True,
    ),
    Manner(
        name="append-to-a-large-file",
        first=_IN_PLACE | FXF_APPEND,
        again=_IN_PLACE | FXF_APPEND,
        before=5300 * KIB,
        extends=True,
    ),
    Manner(name="renamed-while-open", renames="in the middle"),
    Manner(
        name="read-back-on-the-way",
        first=FXF_READ | FXF_WRITE | FXF_CREAT | FXF_TRUNC,
        again=FXF_READ | _IN_PLACE,
        reads_back=True,
    ),
    Manner(name="header-written-last", rewrites=True),
)


@dataclass(kw_only=True)
class Sender:
    """Sends `data` to `path`, in as many attempts as it takes.

    `assured` counts the bytes that it was told are durable; `handed`, up to where it has handed
    any over; `names`, where the file may stand: two while a rename was not answered; `opened`
    says that an OPEN was answered in this attempt. `step` is called ahead of what it asks for.
    """

    path: str
    data: bytes
    manner: Manner
    chance: random.Random
    block_bytes: int = 32 * KIB
    before: bytes = b""
    step: Callable[[], None] = lambda: None
    assured: int = 0
    handed: int = 0
    closing: bool = False
    closed: bool = False
    names: list[str] = field(default_factory=list)
    opened: bool = False
    done: bool = False

    def __post_init__(self) -> None:
        at_first = self.path + ".filepart" if self.manner.renames == "at the end" else self.path
        self.names = [at_first]
        if self.manner.extends:
            self.data = self.before + self.data

    @property
    def steps(self) -> int:
        """How many steps an attempt has, roughly."""
        return len(self.data) // self.block_bytes + 6

    # ── Sending ──────────────────────────────────────────────────────────────────────────────

    async def prepare(self, world: World) -> None:
        """Have the file received that stands at the path before."""
        if self.before:
            before = Sender(
                path=self.path,
                data=self.before,
                manner=Manner(name="before"),
                chance=random.Random(0),
                block_bytes=255 * KIB,
            )
            await before.attempt(world)

    async def attempt(self, world: World) -> None:
        """Connect, and send what is missing.

        Raises:
            LostError: not all of it was done, as far as the client knows.
        """
        self.opened = False
        begun = await self._begun(world)
        async with world.session() as session:
            if begun and self.closing and not self.closed:
                # Its CLOSE may have come that far: to open it finishes what is left of that.
                file = await session.open(self.names[0], _IN_PLACE, None)
                with suppress(LostError):  # bytes are missing: then it goes on
                    await file.close()
                begun = await self._begun(world)
            if not self.closed:
                await self._send(session, begun)
            await self._rename_at_the_end(session)
        self.done = True

    async def _begun(self, world: World) -> bool:
        """Look whether an upload was begun, and where it stands after a rename that was lost."""
        standing = [name for name in self.names if await world.found(name)]
        if len(self.names) > 1 and standing:
            assert len(standing) == 1, f"it stands at both {standing}"
            self.names = standing
        found = await world.found(self.names[0])
        if any(one.is_received and one.sha256 == digest_of(self.data) for one in found):
            self.closed = True  # it was finished, and only the answer was lost
        return any(not one.is_received for one in found)

    async def _send(self, session: Session, begun: bool) -> None:
        self._step()
        start = await self._start(session, begun=begun)
        flags = self.manner.first if start is None else self.manner.again
        start = start or self._base
        self.handed = max(self.handed, start)
        file = await session.open(self.names[0], flags, self._announced)
        self.opened, self.closing = True, False
        for number, group in enumerate(self._groups(start)):
            await self._write(file, group)
            if self.manner.reads_back:
                await self._read_back(file)
            if self.manner.renames == "in the middle" and number == 0:
                await self._rename(session, self.path + ".renamed")
            if self.chance.random() < 0.2:
                self._step()
                await file.sync()
                self.assured = max(end for _, end in group)
        if self.manner.rewrites:
            self._step()
            await file.write(0, self.data[:_HEADER_BYTES])
        if self.manner.sets_size:
            self._step()
            await file.set_size(len(self.data))
        self._step()
        self.closing = True
        await file.close()
        self.closed = True

    async def _start(self, session: Session, *, begun: bool) -> int | None:
        """Return from where to go on, None to begin anew.

        Clients send nothing of a file that has all its bytes, so that no CLOSE ever finishes it:
        it is removed, as its user would, to be sent again.
        """
        if begun and not self.manner.goes_on_from_start:
            start = await self._told_size(session)
            if start < len(self.data) or self.manner.announces:
                return start
            self.assured = 0
            await session.remove(self.names[0])
            begun = False
        self.assured = 0
        if not begun:
            self.handed = 0
        return None

    async def _told_size(self, session: Session) -> int:
        size = await session.size(self.names[0])
        assert max(self.assured, self._base) <= size <= self.handed, (
            f"told to go on at {size}, when {self.assured} were durable and {self.handed} sent"
        )
        self.assured = size
        return size

    async def _write(self, file: OpenFile, group: Sequence[tuple[int, int]]) -> None:
        """Write the blocks of a group at once, as clients do that don't wait for each answer."""
        self.handed = max(self.handed, *(end for _, end in group))

        async def write(start: int, end: int) -> None:
            self._step()
            await file.write(start, self._content(start, end))

        results = await asyncio.gather(
            *(write(start, end) for start, end in group), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _content(self, start: int, end: int) -> bytes:
        if self.manner.rewrites and start == 0:
            return bytes(min(_HEADER_BYTES, end)) + self.data[_HEADER_BYTES:end]
        return self.data[start:end]

    async def _read_back(self, file: OpenFile) -> None:
        self._step()
        read = await file.read(0, _HEADER_BYTES)
        assert read == self.data[: len(read)], "other bytes are read than were written"
        assert read, "nothing is read of what was written"

    async def _rename(self, session: Session, target: str) -> None:
        if self.names == [target]:
            return
        self._step()
        source, self.names = self.names[0], [*self.names, target]
        await session.rename(source, target)
        self.names = [target]

    async def _rename_at_the_end(self, session: Session) -> None:
        if self.manner.renames == "at the end":
            await self._rename(session, self.path)

    @property
    def _base(self) -> int:
        """How many bytes are there before any is sent."""
        return len(self.before) if self.manner.extends else 0

    @property
    def _announced(self) -> int | None:
        return len(self.data) if self.manner.announces else None

    def _groups(self, start: int) -> Iterator[list[tuple[int, int]]]:
        """Yield the blocks from `start` on, some together, each as its start and its end."""
        at_once = self.chance.choice((1, 4, 8))
        while start < len(self.data):
            group = []
            for _ in range(at_once):
                end = min(start + self.block_bytes, len(self.data))
                if start < end:
                    group.append((start, end))
                start = end
            if self.manner.shuffles:
                self.chance.shuffle(group)
            yield group

    def _step(self) -> None:
        self.step()

    # ── What must be true ────────────────────────────────────────────────────────────────────

    async def check(self, world: World) -> None:
        """Look at the case as an analyst does: it tells no lie, and nothing is lost."""
        found = [one for name in self._all_names() for one in await world.found(name)]
        files = [one for one in found if one.is_received]
        uploads = [one for one in found if not one.is_received]
        whole = [one for one in files if one.sha256 == digest_of(self.data)]
        old = [one for one in files if self.before and one.sha256 == digest_of(self.before)]
        known = {one.id for one in (*whole, *old)}
        assert all(one.id in known for one in files), f"{files} was never finished by its client"
        assert not whole or self._may_be_received, "an upload shows as received without a CLOSE"
        assert whole or not self.closed, "a file that was closed isn't there"
        assert whole or old or not self.before, "the file of before is gone"
        for upload in uploads:
            assert upload.size <= self.handed, "the offset is ahead of what was sent"
        if not whole and self.assured > self._base:
            offsets = [upload.size for upload in uploads]
            assert offsets, "an upload of which bytes were durable is gone"
            assert max(offsets) >= self.assured, f"{self.assured} bytes were durable: {offsets}"
            self.assured = max(offsets)

    async def check_received(self, world: World) -> None:
        """Look that the file is there as it was sent, at its last name, and nothing else is."""
        assert self.done
        found = await world.found(self.names[0])
        assert [one.is_received for one in found] == [True], f"{found}"
        assert (found[0].size, found[0].sha256) == (len(self.data), digest_of(self.data))
        assert await world.sha256_of(found[0]) == digest_of(self.data), "other bytes are stored"
        for name in self._all_names():
            assert name == self.names[0] or not await world.found(name), "it left something"

    @property
    def _may_be_received(self) -> bool:
        return self.closing or (self.manner.announces and self.handed == len(self.data))

    def _all_names(self) -> list[str]:
        possible = [self.path, self.path + ".filepart", self.path + ".renamed"]
        return [name for name in possible if name in {self.path, *self.names}]


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

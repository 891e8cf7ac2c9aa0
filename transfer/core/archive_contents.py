"""What an archive of a case holds, under which names, and what tells two archives apart.

The same files make the same bytes, and so the same entity tag. A list of SHA-256s that
`sha256sum -c` understands comes first, under a name that nobody's file has.
"""

import hashlib
import math
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from transfer.core.archive import ArchiveLayout
from transfer.core.archive_marks import Marks
from transfer.core.names import ROOT, CasePath, components, join, name_key, numbered, split
from transfer.core.uploads import Direction, FileId, Folder
from transfer.core.zip_records import Member

MANIFEST_NAME = "SHA256SUMS"

_FORMAT = b"zip 1\n"
"""Part of every entity tag: to be changed with anything that changes the bytes."""

_NO_TIME_SECONDS = 315_532_800
"""1980: where zip's own times begin. For a list of nothing."""

_MISLEADING = re.compile(
    r"[\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|(?<=\A[A-Za-z]):", re.ASCII
)
"""What is a separator or a drive on another system, or turns a text so that it looks like another.
Unpacked there, a file named ..\\..\\x would leave its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which files of a case: those at or below `path`, all of `files`, of one direction.

    With `until`, only what was received by then: later arrivals don't change the archive. `marks`
    say of each file that there was then whether it is chosen, in the place of `files`.
    """

    path: CasePath = ROOT
    files: frozenset[FileId] | None = None
    direction: Direction | None = None
    until: datetime | None = None
    marks: Marks | None = None

    @property
    def is_everything_below(self) -> bool:
        """Whether nothing is left out, so that empty folders come too."""
        return self.is_open_ended and self.direction is None

    @property
    def is_open_ended(self) -> bool:
        """Whether a file that is still on its way would be part of it."""
        return self.files is None and self.until is None and self.marks is None

    def key(self) -> str:
        """Return a short text, the same for the same selection."""
        parts = (
            self.path,
            ",".join(sorted(self.files)) if self.files is not None else "*",
            self.direction.value if self.direction else "*",
            self.until.isoformat() if self.until else "*",
            *((f"{self.marks.checksum} {self.marks.bits.hex()}",) if self.marks else ()),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile:
    """A file as an archive needs to know it; `crc32` is None until it was needed."""

    id: FileId
    path: CasePath
    size: int
    sha256: str
    crc32: int | None
    object_key: str
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a selection found, at one moment: `unfinished` are paths of files still on their way."""

    folders: Sequence[Folder]
    files: Sequence[ArchivedFile]
    unfinished: Sequence[CasePath] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePlan:
    """An archive down to its last byte: `files` are by member, None for those that are none.

    `etag` is the same for two plans if and only if their bytes are.
    """

    layout: ArchiveLayout
    files: Sequence[ArchivedFile | None]
    manifest: bytes
    manifest_crc32: int
    etag: str

    @property
    def file_count(self) -> int:
        """How many files there are, without the list of them."""
        return sum(file is not None for file in self.files)


def plan_archive(contents: Contents) -> ArchivePlan:
    """Return the archive of `contents`."""
    entries: list[Folder | ArchivedFile] = [*contents.folders, *contents.files]
    names = archive_names([entry.path for entry in entries])
    sorted_entries = sorted(
        ((_member(entry, names[entry.path]), entry) for entry in entries),
        key=lambda pair: pair[0].name,
    )
    listed = [
        (entry.sha256, member.name)
        for member, entry in sorted_entries
        if isinstance(entry, ArchivedFile)
    ]
    manifest = _manifest(listed, contents.unfinished)
    members = [
        Member(
            _free_name(names.values()).encode(),
            len(manifest),
            max(
                (member.modified_seconds for member, _ in sorted_entries), default=_NO_TIME_SECONDS
            ),
        ),
        *(member for member, _ in sorted_entries),
    ]
    files = [entry if isinstance(entry, ArchivedFile) else None for _, entry in sorted_entries]
    return ArchivePlan(
        layout=ArchiveLayout(members),
        files=(None, *files),
        manifest=manifest,
        manifest_crc32=zlib.crc32(manifest),
        etag=_etag(members, manifest),
    )


def archive_names(paths: Iterable[CasePath]) -> Mapping[CasePath, CasePath]:
    """Return the name in the archive of each of `paths`, whose folders are among them.

    It is the path itself, but for characters that could mislead the one who unpacks it. Two
    paths never get the same name.
    """
    originals = set(paths)
    names: dict[CasePath, CasePath] = {}
    taken: set[CasePath] = set()
    for path in sorted(originals):
        folder, name = split(path)
        inside = names.get(folder, folder)
        shown = _shown(name)
        number = 1
        while shown != name and (join(folder, shown) in originals or join(inside, shown) in taken):
            number += 1
            shown = numbered(_shown(name), number)
        names[path] = join(inside, shown)
        if shown != name:
            taken.add(names[path])
    return names


def _shown(name: str) -> str:
    return _MISLEADING.sub("_", name)


def _member(entry: Folder | ArchivedFile, name: CasePath) -> Member:
    seconds = math.floor(entry.modified_at.timestamp())
    if isinstance(entry, Folder):
        return Member(f"{name}/".encode(), 0, seconds)
    return Member(name.encode(), entry.size, seconds)


def _manifest(files: Iterable[tuple[str, bytes]], unfinished: Iterable[CasePath]) -> bytes:
    """Return the list for `sha256sum -c`, which skips comments; names have no line breaks."""
    lines = [f"{sha256}  ".encode() + name + b"\n" for sha256, name in files]
    lines += [
        f"# Still on its way, and not in here: {'/'.join(map(_shown, components(path)))}\n".encode()
        for path in sorted(unfinished)
    ]
    return b"".join(lines)


def _free_name(names: Iterable[CasePath]) -> str:
    """Return a name for the list that differs from all others, also where case doesn't count."""
    taken = {_folded(top) for top in {path.partition("/")[0] for path in names}}
    candidate, number = MANIFEST_NAME, 1
    while _folded(candidate) in taken:
        number += 1
        candidate = numbered(MANIFEST_NAME, number)
    return candidate


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name_key(name).casefold())


def _etag(members: Iterable[Member], manifest: bytes) -> str:
    """Return what names these bytes and no others: the list has the content of every file."""
    state = hashlib.sha256(_FORMAT)
    for member in members:
        state.update(b"%d %d %d " % (len(member.name), member.size, member.modified_seconds))
        state.update(member.name)
    state.update(manifest)
    return state.hexdigest()

"""An upload: a file on its way in. What it is, and what may happen to it when.

    receiving ──────────► completing ──► received
        │  ▲                  ▲
        ▼  │                  │
    interrupted ──────────────┘            receiving, interrupted ──► abandoned

`receiving`: someone holds it, or may at any moment. `interrupted`: its sender was cut off, and can
go on. `completing`: all bytes are durable, the object is being put together and checked; whoever
comes first finishes it. `received` and `abandoned` are final.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from transfer.core.access import Door
from transfer.core.cases import CaseId, CaseNumber
from transfer.core.errors import (
    InvalidRequestError,
    LengthMismatchError,
    TooLargeError,
    UploadGoneError,
)
from transfer.core.names import CasePath
from transfer.core.parts import MAX_FILE_BYTES, MAX_PART_NUMBER

UploadId = NewType("UploadId", str)
FileId = NewType("FileId", str)


class UploadState(StrEnum):
    """Where an upload stands."""

    RECEIVING = "receiving"
    INTERRUPTED = "interrupted"
    COMPLETING = "completing"
    RECEIVED = "received"
    ABANDONED = "abandoned"


LIVE_STATES = frozenset({UploadState.RECEIVING, UploadState.INTERRUPTED, UploadState.COMPLETING})

_KEYED = ".k"
_KEYED_OBJECT = re.compile(r"c/(?P<case>[^/]+)/[^/.]+\.[0-9]+\.k(\.|\Z)")

LONGEST_UPLOAD = timedelta(days=90)
"""How long an upload lives at most, however often it is continued: so that a rule of the store may
end what is older, and never one that somebody still sends."""

_SILENCE = timedelta(seconds=60)
"""Longer than an active sender ever goes without a commit."""


class Concat(StrEnum):
    """What an upload is in a concatenation; see `core.concatenation`."""

    PARTIAL = "partial"
    FINAL = "final"


class Direction(StrEnum):
    """Which way a file goes."""

    FROM_CUSTOMER = "from_customer"
    SHARED_WITH_CUSTOMER = "shared_with_customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestState:
    """What is known of the bytes up to an offset, so that nothing is ever read again.

    `sha256` is a saved state of the hash, None where the platform can't save one; `crc64nvme` is
    the checksum of all bytes so far; `crc32`, which archives need, is None where nobody found it.
    """

    sha256: bytes | None
    crc64nvme: int
    crc32: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The bytes after the last part, in an object of their own until they make up a part."""

    key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A durable part of a multipart upload; sizes and starts in bytes of the file."""

    number: int
    start: int
    size: int
    etag: str
    crc64nvme: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload as its row tells it.

    `offset` is the durable, contiguous prefix in bytes: the parts, then the tail. `length` is what
    was announced, None until then. `metadata` is what the client sent, kept word for word.
    `expected_sha256` is the digest that the client promised, in lower-case hex. `replaces` says
    that, once whole, it takes the place of a file of that path; otherwise it is numbered beside it.
    `held` says that somebody is writing it now, or has left without letting go. `concat` is there
    if it is a piece of others or made of them; `concat_header`, how its sender said so.
    """

    id: UploadId
    case_number: CaseNumber
    case_id: CaseId
    path: CasePath
    direction: Direction
    door: Door
    sent_by: str
    state: UploadState
    offset: int
    length: int | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    digest: DigestState
    fence: int
    next_part_number: int
    object_key: str | None = None
    multipart_id: str | None = None
    tail: Tail | None = None
    metadata: str | None = None
    content_type: str | None = None
    modified_at: datetime | None = None
    expected_sha256: str | None = None
    file_id: FileId | None = None
    replaces: bool = False
    held: bool = False
    concat: Concat | None = None
    concat_header: str | None = None

    @property
    def parts_offset(self) -> int:
        """How many bytes are in parts: where the tail begins."""
        return self.offset - (self.tail.size if self.tail else 0)

    @property
    def is_whole(self) -> bool:
        """Whether every announced byte is durable."""
        return self.length is not None and self.offset == self.length

    @property
    def is_set_aside(self) -> bool:
        """Whether its bytes are one object, to be read: it grows again once they are copied."""
        return self._is_open and self.object_key is not None and self.multipart_id is None

    @property
    def is_sealed(self) -> bool:
        """Whether it was just to be set aside: by then it has no part number left to grow by."""
        has_numbers = self.next_part_number <= MAX_PART_NUMBER
        is_ready = self.is_whole and self.tail is None
        return self._is_open and self.multipart_id is not None and not (has_numbers or is_ready)

    @property
    def _is_open(self) -> bool:
        return self.state in (UploadState.RECEIVING, UploadState.INTERRUPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that a case holds, whole and checked.

    `digest` is its final state, from which an append goes on. `verified` says that a digest given
    by the client matched; `claimed_digest` is the last one that was given afterwards and did not:
    `sha256:` or another algorithm, and the digest in hex.
    """

    id: FileId
    case_number: CaseNumber
    path: CasePath
    size: int
    sha256: str
    digest: DigestState
    object_key: str
    verified: bool
    direction: Direction
    door: Door
    sent_by: str
    created_at: datetime
    modified_at: datetime
    content_type: str | None = None
    claimed_digest: str | None = None

    @property
    def claimed_sha256(self) -> str | None:
        """The digest that was claimed and did not match, if it is a SHA-256."""
        algorithm, _, digest = (self.claimed_digest or "").partition(":")
        return digest if algorithm == "sha256" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of a case."""

    path: CasePath
    modified_at: datetime


Entry = Folder | StoredFile | Upload
"""What a path of a case can be. An unfinished upload stands at its path like a file: before the
file that it replaces, behind one that it doesn't."""


def check_length(length: int, limit: int | None) -> None:
    """Raise unless a file of `length` bytes can be taken.

    Raises:
        InvalidRequestError: negative.
        TooLargeError: beyond `limit` or what the store can hold.
    """
    if length < 0:
        raise InvalidRequestError("A length is not negative.")
    if length > MAX_FILE_BYTES or (limit is not None and length > limit):
        largest = MAX_FILE_BYTES if limit is None else min(limit, MAX_FILE_BYTES)
        raise TooLargeError(f"A file has at most {largest} bytes here.")


def check_announcement(upload: Upload, length: int) -> None:
    """Raise unless `length` may be announced for `upload` now.

    Raises:
        LengthMismatchError: it was announced before as another, or more bytes are there already.
    """
    if upload.length is not None and upload.length != length:
        raise LengthMismatchError(
            f"The length was announced as {upload.length} bytes and does not change."
        )
    if length < upload.offset:
        raise LengthMismatchError(f"{upload.offset} bytes are here already: more than {length}.")


def check_continuable(upload: Upload, now: datetime) -> None:
    """Raise unless bytes may still be added to `upload`.

    Raises:
        UploadGoneError: it was abandoned, has expired, or is finished.
    """
    if upload.state is UploadState.RECEIVED:
        raise UploadGoneError("The upload is finished: the file has been received.")
    if upload.state is UploadState.ABANDONED:
        raise UploadGoneError("The upload was cancelled: start a new one.")
    if now >= upload.expires_at:
        raise UploadGoneError("The upload has expired: start a new one.")


def shown_state(upload: Upload, now: datetime) -> UploadState:
    """Return the state of an unfinished upload as people are shown it.

    Being put together counts as being received still; a sender who has been silent for a minute
    is cut off, whether or not anyone has noticed yet.
    """
    if upload.state is UploadState.COMPLETING:
        return UploadState.RECEIVING
    if upload.state is UploadState.RECEIVING and now - upload.updated_at > _SILENCE:
        return UploadState.INTERRUPTED
    return upload.state


def object_key(case_id: CaseId, upload_id: UploadId, fence: int, *, keyed: bool = False) -> str:
    """Return the key of an upload's object: opaque, and never the same for two writers.

    It tells whether the object is `keyed`: encrypted under a key of its case.
    """
    return f"{case_prefix(case_id)}{upload_id}.{fence}{_KEYED if keyed else ''}"


def tail_key(
    case_id: CaseId, upload_id: UploadId, fence: int, offset: int, *, keyed: bool = False
) -> str:
    """Return the key of the tail object that ends at `offset`, written under `fence`."""
    return f"{object_key(case_id, upload_id, fence, keyed=keyed)}.tail.{offset}"


def keyed_case(key: str) -> CaseId | None:
    """Return the case under whose key an object is encrypted; None of an object that isn't."""
    found = _KEYED_OBJECT.match(key)
    return CaseId(found["case"]) if found else None


def case_prefix(case_id: CaseId) -> str:
    """Return what all object keys of a case begin with."""
    return f"c/{case_id}/"

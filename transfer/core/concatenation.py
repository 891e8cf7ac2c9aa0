"""Uploads that are pieces of others: which pieces may be used, and how a file is made of them.

A *partial* upload is bytes without a name; a *final* one is a file made of partials, in the order
in which it names them. A partial may be used by any number of finals until it expires.

    partial:  receiving ──► completing ──► received, as an object that no case shows
    final:    receiving, until every partial is whole and while it is put together
              ──► completing ──► received, as a file

Source: tus 1.0.0, Concatenation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.core.cases import CaseNumber
from transfer.core.errors import ForbiddenError, InvalidRequestError, UploadGoneError
from transfer.core.parts import MAX_PART_BYTES, MIN_PART_BYTES
from transfer.core.uploads import Concat, Direction, Upload, UploadId, UploadState

USED_LIFETIME = timedelta(hours=1)
"""How long a partial stays once a file was made of it: for a sender who missed the answer."""

_RANGE_BYTES = 1 << 30
"""Copied at once: what a crash may cost, at most, and what a store is asked for in one request."""

_MOST_RANGES = 9000
"""Of the 10,000 part numbers; the rest is for short pieces, and for attempts that fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation:
    """What an upload's sender says of its part in a concatenation.

    `header` is what they sent, kept word for word; `pieces` are the partials of a final.
    """

    role: Concat
    header: str
    pieces: tuple[UploadId, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of the piece with the index `piece`."""

    piece: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Step:
    """The next stretches of a final: copied inside the store as parts, or read and sent again."""

    stretches: tuple[Stretch, ...]
    copied: bool


def check_piece(
    piece: Upload | None, *, number: CaseNumber, direction: Direction, now: datetime
) -> None:
    """Raise unless `piece` may be used in a final upload of that case and direction.

    Raises:
        InvalidRequestError: there is none, or it is none of that case, or not for this sender.
        UploadGoneError: it expired or was cancelled.
    """
    if (
        piece is None
        or piece.concat is not Concat.PARTIAL
        or piece.case_number != number
        or piece.direction is not direction
    ):
        raise InvalidRequestError("Upload-Concat names what is no partial upload of this case.")
    if piece.state is UploadState.ABANDONED or now >= piece.expires_at:
        raise UploadGoneError("A partial upload has expired or was cancelled: send it again.")


def check_takes_bytes(upload: Upload) -> None:
    """Raise if `upload` is made of others.

    Raises:
        ForbiddenError: it is.
    """
    if upload.concat is Concat.FINAL:
        raise ForbiddenError("A final upload takes no bytes: send them to its partial uploads.")


def total_length(pieces: Sequence[Upload]) -> int | None:
    """Return the length of the whole, None while that of a piece isn't known."""
    lengths = [piece.length for piece in pieces if piece.length is not None]
    return sum(lengths) if len(lengths) == len(pieces) else None


def are_whole(pieces: Sequence[Upload]) -> bool:
    """Whether the whole can be made of `pieces` now."""
    return all(piece.state is UploadState.RECEIVED for piece in pieces)


def final_expires_at(final: Upload, pieces: Sequence[Upload]) -> datetime:
    """Return until when a final upload waits: as long as one of its pieces may be continued."""
    return max(final.expires_at, *(piece.expires_at for piece in pieces))


def next_step(
    sizes: Sequence[int], offset: int, *, pending: int, least: int, may_copy: bool
) -> Step:
    """Return how the whole goes on from `offset`, which is before its end.

    `pending` bytes before `offset` are no part yet; from `least` on they may become a short one.
    Only at the end of a part, and only from 5 MiB on, S3 copies: what is smaller is read and sent
    again, with just so much of its neighbour that the rest of that can be copied.
    """
    index, start = _locate(sizes, offset)
    rest = sizes[index] - start
    suffices = rest >= MIN_PART_BYTES or not any(sizes[index + 1 :])
    if may_copy and not pending and sizes[index] >= MIN_PART_BYTES and suffices:
        return Step((Stretch(index, start, rest),), copied=True)
    return Step(_read_again(sizes, index, start, pending, least if may_copy else None), False)


def copied_ranges(start: int, size: int, total: int) -> list[tuple[int, int]]:
    """Return how `size` bytes from `start` are copied as parts: pairs of start and length.

    `total` is the length of the whole, which decides how many parts there may be.
    """
    largest = min(MAX_PART_BYTES, max(_RANGE_BYTES, -(-total // _MOST_RANGES)))
    count = -(-size // largest)
    step = -(-size // count)
    end = start + size
    return [(begin, min(step, end - begin)) for begin in range(start, end, step)]


def _locate(sizes: Sequence[int], offset: int) -> tuple[int, int]:
    begin = 0
    for index, size in enumerate(sizes):
        if offset < begin + size:
            return index, offset - begin
        begin += size
    raise ValueError(f"the pieces end at {begin}, before {offset}")


def _read_again(
    sizes: Sequence[int], index: int, start: int, taken: int, least: int | None
) -> tuple[Stretch, ...]:
    """Return the stretches up to where copying makes sense again, or to the end."""
    stretches: list[Stretch] = []
    for number in range(index, len(sizes)):
        fill = 0 if least is None else max(least - taken, 0 if stretches else 1)
        rest = sizes[number] - start
        if least is not None and rest - fill >= MIN_PART_BYTES:
            return (*stretches, Stretch(number, start, fill)) if fill else tuple(stretches)
        if rest:
            stretches.append(Stretch(number, start, rest))
        taken, start = taken + rest, 0
    return tuple(stretches)

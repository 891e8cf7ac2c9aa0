"""The chain of seals over the audit log: what a seal says, and what the next one is about.

A seal is about entries that were committed since the one before it. It names that one by its
digest, and has a digest of its entries' digests.
"""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from transfer.core.audit_entries import canonical
from transfer.core.errors import InvalidRequestError
from transfer.core.receipts import moment

PATIENCE = timedelta(hours=1)
"""How long a number that is missing is looked for: no transaction lives as long."""

MOST_GAPS = 500
"""Gaps that are looked for at a time; beyond, the oldest are given up."""

_KIND = "audit-seal"
_VERSION = 1
_NUMBER_BYTES = 8
_DIGEST_BYTES = 32
_RECORD_BYTES = _NUMBER_BYTES + _DIGEST_BYTES

SealedEntry = tuple[int, bytes]
"""The number of an entry, and its digest."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Numbers, from `first` to `last`, that no entry had at `since`."""

    first: int
    last: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a seal says.

    `number` counts from 1; `previous` is the digest of the seal before, None of the first one.
    `digests` is the SHA-256 of its entries' numbers and digests, as `packed`. `horizon` is the
    highest number of an entry so far, `gaps` are those below it that may still come.
    """

    number: int
    previous: str | None
    sealed_at: datetime
    entries: int
    digests: str
    horizon: int
    gaps: tuple[Gap, ...]

    def statement(self) -> str:
        """Return it as it is signed."""
        return canonical(
            {
                "kind": _KIND,
                "version": _VERSION,
                "number": self.number,
                "previous": self.previous,
                "sealed_at": moment(self.sealed_at),
                "entries": self.entries,
                "digests": self.digests,
                "horizon": self.horizon,
                "gaps": [[gap.first, gap.last, moment(gap.since)] for gap in self.gaps],
            }
        )

    def digest(self) -> str:
        """Return by what the next seal names it."""
        return hashlib.sha256(self.statement().encode()).hexdigest()


def parse_seal(statement: str) -> Seal:
    """Return the seal that says `statement`.

    Raises:
        InvalidRequestError: none says so.
    """
    try:
        said = json.loads(statement)
        seal = _seal_of(said)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise InvalidRequestError("That is no seal of an audit log.") from exc
    if (said["kind"], said["version"]) != (_KIND, _VERSION) or seal.statement() != statement:
        raise InvalidRequestError("That is no seal of an audit log, or one of another version.")
    return seal


def next_seal(before: Seal | None, found: Sequence[SealedEntry], now: datetime) -> Seal:
    """Return the seal of `found`, entries that no seal has yet, in the order of their numbers."""
    horizon = max(before.horizon if before else 0, found[-1][0])
    return Seal(
        number=before.number + 1 if before else 1,
        previous=before.digest() if before else None,
        sealed_at=now,
        entries=len(found),
        digests=hashlib.sha256(packed(found)).hexdigest(),
        horizon=horizon,
        gaps=_gaps_after(before, [number for number, _ in found], now),
    )


def given_up(before: Seal | None, seal: Seal, found: Iterable[int]) -> list[Gap]:
    """Return the gaps that `seal`, which has the entries `found`, is the first not to look for."""
    numbers = sorted(found)
    open_before = _without(_open_gaps(before, numbers, seal.sealed_at), numbers)
    kept = {(gap.first, gap.last) for gap in seal.gaps}
    return [gap for gap in open_before if (gap.first, gap.last) not in kept]


def packed(entries: Iterable[SealedEntry]) -> bytes:
    """Return entries' numbers and digests as a row keeps them: 40 bytes each."""
    return b"".join(number.to_bytes(_NUMBER_BYTES, "big") + digest for number, digest in entries)


def unpacked(content: bytes) -> list[SealedEntry]:
    """Return what was `packed`; what is too short at the end is left out."""
    starts = range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES)
    records = (content[start : start + _RECORD_BYTES] for start in starts)
    return [
        (int.from_bytes(record[:_NUMBER_BYTES], "big"), record[_NUMBER_BYTES:])
        for record in records
    ]


def _gaps_after(before: Seal | None, numbers: Sequence[int], now: datetime) -> tuple[Gap, ...]:
    gaps = _without(_open_gaps(before, numbers, now), numbers)
    if before is not None and now - before.sealed_at > PATIENCE / 2:
        # Nobody has looked in between, or a clock was set forward: patience begins anew.
        gaps = [replace(gap, since=now) for gap in gaps]
    awaited = [gap for gap in gaps if now - gap.since < PATIENCE]
    return tuple(sorted(sorted(awaited, key=lambda gap: gap.since)[-MOST_GAPS:]))


def _open_gaps(before: Seal | None, numbers: Sequence[int], now: datetime) -> list[Gap]:
    """Return the gaps of the seal before, and all that is new up to the highest number."""
    horizon = before.horizon if before else 0
    gaps = list(before.gaps) if before else []
    if numbers[-1] > horizon:
        gaps.append(Gap(horizon + 1, numbers[-1], now))
    return gaps


def _without(gaps: Iterable[Gap], numbers: Sequence[int]) -> list[Gap]:
    """Return `gaps` without `numbers`, which are in order."""
    left = []
    for gap in gaps:
        first = gap.first
        for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, gap.last)]:
            left.append(Gap(first, number - 1, gap.since))
            first = number + 1
        left.append(Gap(first, gap.last, gap.since))
    return [gap for gap in left if gap.first <= gap.last]


def _seal_of(said: dict[str, Any]) -> Seal:
    return Seal(
        number=int(said["number"]),
        previous=said["previous"],
        sealed_at=datetime.fromisoformat(said["sealed_at"]),
        entries=int(said["entries"]),
        digests=said["digests"],
        horizon=int(said["horizon"]),
        gaps=tuple(
            Gap(int(first), int(last), datetime.fromisoformat(since))
            for first, last, since in said["gaps"]
        ),
    )

"""What senders are just doing, told by comparing their uploads with what they were before."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from transfer.core.cases import CaseNumber
from transfer.core.events import EventKind, Happening
from transfer.core.uploads import Upload, UploadId, UploadState, shown_state


@dataclass(frozen=True, slots=True)
class _Seen:
    case_number: CaseNumber
    offset: int
    state: UploadState


class Senders:
    """The uploads of the cases that are watched, as they were last seen."""

    def __init__(self) -> None:
        self._seen: dict[UploadId, _Seen] = {}

    def note(self, uploads: Iterable[Upload], now: datetime) -> None:
        """Remember how uploads are that somebody was just told of, if they aren't known yet."""
        for upload in uploads:
            seen = _Seen(upload.case_number, upload.offset, shown_state(upload, now))
            self._seen.setdefault(upload.id, seen)

    def compare(self, uploads: Iterable[Upload], now: datetime) -> list[Happening]:
        """Return what has happened since the last time, and remember how it is now."""
        seen: dict[UploadId, _Seen] = {}
        happenings = []
        for upload in uploads:
            state = shown_state(upload, now)
            seen[upload.id] = _Seen(upload.case_number, upload.offset, state)
            kind = _kind(self._seen.get(upload.id), seen[upload.id])
            if kind is not None:
                happenings.append(_happening(kind, upload, now))
        self._seen = seen
        return happenings

    def forget_all_but(self, cases: Collection[CaseNumber]) -> None:
        """Forget the uploads of cases that nobody watches any more."""
        self._seen = {one: seen for one, seen in self._seen.items() if seen.case_number in cases}


def present(uploads: Iterable[Upload], now: datetime) -> list[Happening]:
    """Return how uploads are, for somebody who knows nothing of them yet."""
    return [_happening(_kind_of_state(shown_state(upload, now)), upload, now) for upload in uploads]


def _kind(before: _Seen | None, after: _Seen) -> EventKind | None:
    if before is None or before.state is not after.state:
        return _kind_of_state(after.state)
    return EventKind.FILE_PROGRESS if after.offset != before.offset else None


def _kind_of_state(state: UploadState) -> EventKind:
    if state is UploadState.INTERRUPTED:
        return EventKind.UPLOAD_INTERRUPTED
    return EventKind.FILE_RECEIVING


def _happening(kind: EventKind, upload: Upload, now: datetime) -> Happening:
    data: dict[str, Any] = {
        "upload_id": upload.id,
        "path": upload.path,
        "offset": upload.offset,
        "size": upload.length,
        "direction": upload.direction.value,
        "door": upload.door.value,
        "sent_by": upload.sent_by,
    }
    return Happening(kind=kind, case_number=upload.case_number, at=now, data=data)

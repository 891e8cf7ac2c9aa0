"""The files of one drop, told as one event: a digest instead of a storm."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from transfer.core.uploads import Direction
from transfer.ports import CaseEvent, OutgoingEvent

FILES_RECEIVED = "files.received"
_FILE_RECEIVED = "file.received"
_OF_EACH_FILE = ("path", "size", "sha256", "verified", "file_id")
_OF_ALL = ("sent_by", "door", "direction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told at once: `event`, and those of the outbox that it tells of."""

    event: CaseEvent
    events: Sequence[OutgoingEvent]

    @property
    def ids(self) -> list[str]:
        """The ids of those that it tells of, in their order."""
        return [event.id for event in self.events]

    @property
    def failures(self) -> int:
        """How often telling it has failed."""
        return max(event.failures for event in self.events)

    @property
    def refusals(self) -> int:
        """How often it was refused since it failed in passing."""
        return max(event.refusals for event in self.events)


def messages_of(events: Sequence[OutgoingEvent]) -> list[Message]:
    """Return what is told of a case's events, in order: those of one drop together."""
    return [
        _message(list(together))
        for _, together in groupby(events, key=lambda event: event.drop or event.id)
    ]


def brings_files(event: CaseEvent) -> bool:
    """Whether an event tells that the customer has sent something."""
    is_of_files = event.type in (_FILE_RECEIVED, FILES_RECEIVED)
    return is_of_files and event.data.get("direction") == Direction.FROM_CUSTOMER.value


def _message(events: list[OutgoingEvent]) -> Message:
    first = events[0]
    if len(events) == 1:
        return Message(event=_plain(first), events=events)
    told: dict[str, Any] = {name: first.data[name] for name in _OF_ALL if name in first.data}
    told["count"] = len(events)
    told["size"] = sum(size for event in events if isinstance(size := event.data.get("size"), int))
    told["files"] = [
        {name: event.data[name] for name in _OF_EACH_FILE if name in event.data} for event in events
    ]
    drop = CaseEvent(
        id=f"drop-{first.id}",
        type=FILES_RECEIVED,
        case_number=first.case_number,
        at=events[-1].at,
        data=told,
    )
    return Message(event=drop, events=events)


def _plain(event: OutgoingEvent) -> CaseEvent:
    return CaseEvent(
        id=event.id, type=event.type, case_number=event.case_number, at=event.at, data=event.data
    )

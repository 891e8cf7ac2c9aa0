"""The timeline of a case, as answers show it."""

from typing import Annotated, Any

from pydantic import Field

from transfer.core.access import Door
from transfer.core.timeline import ComingKind, Topic
from transfer.http.shapes.base import Moment, Next, Shape


class TimelineEntryShape(Shape):
    """Something that happened to a case."""

    number: Annotated[int, Field(ge=0, description="Counts up; tells an entry from any other.")]
    at: Moment
    topic: Topic
    action: Annotated[str, Field(description="What happened, like `file.received`.")]
    actor: Annotated[str, Field(description="Who did it, or what of the service.")]
    subject: Annotated[
        str | None, Field(description="The id of what it happened to, where that has one.")
    ]
    door: Annotated[Door | None, Field(description="The protocol that they came by.")]
    address: Annotated[str | None, Field(description="Where they came from.")]
    details: Annotated[dict[str, Any], Field(description="What there is to tell of its kind.")]


class ComingShape(Shape):
    """Something that will happen unless somebody changes it."""

    at: Moment
    kind: ComingKind
    name: Annotated[str | None, Field(description="To what: the user name of an account.")]


class TimelineShape(Shape):
    """A page of what happened to a case, the latest first; the first one also has what comes."""

    coming: Annotated[list[ComingShape], Field(description="The soonest first.")]
    entries: list[TimelineEntryShape]
    next: Next

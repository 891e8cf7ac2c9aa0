"""Cases, as answers show them."""

from typing import Annotated

from pydantic import Field

from transfer.core.access import Action
from transfer.core.cases import Priority, Status, UpdateKind
from transfer.http.shapes.base import Moment, Next, Number, Shape


class CaseShape(Shape):
    """A support case."""

    number: Number
    status: Status
    substatus: Annotated[str, Field(description="What the status is in detail.")]
    subject: Annotated[str, Field(description="What the case is about.")]
    closed_at: Annotated[Moment | None, Field(description="When it was closed; null while open.")]
    deletion_due_at: Annotated[
        Moment | None,
        Field(description="When its data is deleted; null while it is open or held."),
    ]
    priority: Annotated[Priority, Field(description="How much it presses.")]
    close_reason: Annotated[str | None, Field(description="Why it was closed, if that was said.")]
    waiting_since: Annotated[
        Moment | None,
        Field(description="Since when its customer's answer is awaited; null if it isn't."),
    ]


class SftpShape(Shape):
    """Where the SFTP door is."""

    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    fingerprints: Annotated[
        list[str], Field(description="The server's keys, like `SHA256:…`, to compare at a login.")
    ]


class CaseDetail(CaseShape):
    """A support case, with what its reader may do."""

    may: Annotated[list[Action], Field(description="What the caller may do to the case now.")]
    sftp: Annotated[SftpShape | None, Field(description="Where the SFTP door is, if it is open.")]
    as_of: Annotated[
        Moment | None,
        Field(description="When the case core told so, if it is away now; null if it isn't."),
    ]


class FoundCaseShape(CaseShape):
    """A support case in a list, with what it holds."""

    account: Annotated[str, Field(description="The customer.")]
    opened_at: Moment
    files: Annotated[int, Field(ge=0, description="How many files it holds.")]
    uploads: Annotated[int, Field(ge=0, description="How many are on their way in.")]
    last_arrival_at: Annotated[
        Moment | None, Field(description="When the latest of the customer's files was received.")
    ]
    arrived: Annotated[
        int | None,
        Field(description="How many of the customer's have arrived since what was asked for."),
    ]


class CaseList(Shape):
    """A page of cases, the newest first, or the one where something has arrived last."""

    cases: list[FoundCaseShape]
    next: Next


class UpdateShape(Shape):
    """An entry in a case's history."""

    at: Moment
    author: Annotated[str, Field(description="Who did it, or what of the service.")]
    text: Annotated[str, Field(description="What people read.")]
    kind: Annotated[UpdateKind, Field(description="What happened, or what somebody wrote.")]


class UpdateList(Shape):
    """A page of a case's history, oldest first."""

    updates: list[UpdateShape]
    next: Next

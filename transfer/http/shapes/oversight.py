"""The service as a whole, as answers show it to admins."""

from typing import Annotated

from pydantic import Field

from transfer.core.access import Door
from transfer.core.cases import Status
from transfer.core.retention import Verdict
from transfer.http.shapes.base import Bytes, Id, Moment, Next, Number, Shape
from transfer.http.shapes.sessions import PrincipalShape
from transfer.ports import CredentialKind, Method

Count = Annotated[int, Field(ge=0)]
_Unfinished = Annotated[int, Field(ge=0, description="Bytes of what is on its way.")]
_WordingVersion = Annotated[str, Field(description="What tells a text from every other.")]


class FiguresShape(Shape):
    """How much there is of everything, just now."""

    cases: Annotated[Count, Field(description="Whose data isn't deleted.")]
    files: Count
    size: Bytes
    unfinished_size: _Unfinished
    held: Annotated[Count, Field(description="Cases whose data is held.")]
    due: Annotated[Count, Field(description="Cases whose data is deleted within a week.")]
    sessions: Annotated[Count, Field(description="In use.")]
    tokens: Annotated[Count, Field(description="That open anything.")]
    failed_sign_ins: Annotated[Count, Field(description="Within a day.")]


class HoldShape(Shape):
    """What keeps a case's data from deletion."""

    reason: str
    placed_by: str
    placed_at: Moment


class CaseUsageShape(Shape):
    """What a case holds."""

    number: Number
    subject: str
    account: str
    status: Status
    hold: HoldShape | None
    files: Count
    size: Bytes
    unfinished_size: _Unfinished


class CaseUsageList(Shape):
    """A page of cases with what they hold."""

    cases: list[CaseUsageShape]
    next: Next


class DeletionShape(CaseUsageShape):
    """A closed case, and when its data goes."""

    closed_at: Moment | None
    deletion_due_at: Moment
    verdict: Annotated[Verdict, Field(description="What is decided about it now.")]
    begun: Annotated[bool, Field(description="Whether the deletion has begun.")]


class DeletionList(Shape):
    """A page of what will be deleted, the first due first."""

    cases: list[DeletionShape]
    next: Next


class AccountUsageShape(Shape):
    """What the cases of a customer's account hold."""

    account: str
    cases: Count
    files: Count
    size: Bytes
    unfinished_size: _Unfinished


class AccountUsageList(Shape):
    """A page of accounts, the one with the most bytes first."""

    accounts: list[AccountUsageShape]
    next: Next


class FailureShape(Shape):
    """A sign-in that failed."""

    at: Moment
    kind: Annotated[str, Field(description="What it was tried with.")]
    reason: Annotated[str | None, Field(description="Why it failed.")]
    who: Annotated[str, Field(description="Who tried, as far as that is known.")]
    subject: Annotated[str | None, Field(description="The id of what was tried, if known.")]
    case: Number | None
    door: Door | None
    address: str | None
    failures: Annotated[
        int | None, Field(description="How many there were from there, with this one.")
    ]


class WaitingShape(Shape):
    """A source that has to wait after too many failures."""

    kind: CredentialKind
    source: Annotated[
        str,
        Field(description="An address, its network, or `name:` with the digest of a user name."),
    ]
    failures: Count
    last_at: Moment
    wait_until: Moment


class FailureList(Shape):
    """A page of sign-ins that failed, the latest first, and who has to wait now."""

    failures: list[FailureShape]
    waiting: list[WaitingShape]
    next: Next


class WordingShape(Shape):
    """A text of the warning about sensitive data."""

    version: _WordingVersion
    text: str
    current: Annotated[bool, Field(description="Whether it is the one that is shown now.")]
    since: Annotated[
        Moment | None, Field(description="When it was first acknowledged; null if never.")
    ]
    acknowledgements: Annotated[Count, Field(description="By persons, for a case each.")]


class WordingList(Shape):
    """All texts of the warning that are known, the present one first."""

    warnings: list[WordingShape]


class AcknowledgedShape(Shape):
    """Who has acknowledged a text, for which case."""

    case: Number
    person: str
    acknowledged_at: Moment


class AcknowledgedList(Shape):
    """A page of who has acknowledged a text, the latest first."""

    acknowledgements: list[AcknowledgedShape]
    next: Next


class OpenSessionShape(PrincipalShape):
    """A session that isn't over."""

    id: Id
    subject: Annotated[str, Field(description="What the issuer knows them by.")]
    method: Method
    address: str | None
    began_at: Moment
    seen_at: Annotated[Moment, Field(description="When it was last used, to a minute.")]
    expires_at: Moment
    own: Annotated[bool, Field(description="Whether it is the one that asks.")]


class OpenSessionList(Shape):
    """A page of sessions, the newest first."""

    sessions: list[OpenSessionShape]
    next: Next

"""What the API says of the service as a whole, as JSON."""

from collections.abc import Sequence

from transfer.core.access import Principal
from transfer.core.cases import Hold
from transfer.engine.oversight import Deletion, KnownWording
from transfer.http.rendering import Json, moment, rfc3339
from transfer.http.shapes.oversight import (
    AccountUsageList,
    AccountUsageShape,
    AcknowledgedList,
    AcknowledgedShape,
    CaseUsageList,
    CaseUsageShape,
    DeletionList,
    DeletionShape,
    FailureList,
    FailureShape,
    FiguresShape,
    HoldShape,
    OpenSessionList,
    OpenSessionShape,
    WaitingShape,
    WordingList,
    WordingShape,
)
from transfer.ports import (
    AccountUsage,
    Acknowledged,
    AuditEvent,
    CaseUsage,
    Figures,
    Session,
    Waiting,
)


def figures_json(figures: Figures) -> Json:
    """Return the figures."""
    return FiguresShape(
        cases=figures.cases,
        files=figures.files,
        size=figures.size_bytes,
        unfinished_size=figures.unfinished_bytes,
        held=figures.held,
        due=figures.due,
        sessions=figures.sessions,
        tokens=figures.tokens,
        failed_sign_ins=figures.failures,
    ).json_object()


def case_usages_json(found: Sequence[CaseUsage], following: str | None) -> Json:
    """Return a page of cases with what they hold."""
    return CaseUsageList(cases=[_case(one) for one in found], next=following).json_object()


def deletions_json(found: Sequence[Deletion], following: str | None) -> Json:
    """Return a page of what will be deleted."""
    return DeletionList(cases=[_deletion(one) for one in found], next=following).json_object()


def account_usages_json(found: Sequence[AccountUsage], following: str | None) -> Json:
    """Return a page of accounts with what their cases hold."""
    shown = [
        AccountUsageShape(
            account=one.account,
            cases=one.cases,
            files=one.files,
            size=one.size_bytes,
            unfinished_size=one.unfinished_bytes,
        )
        for one in found
    ]
    return AccountUsageList(accounts=shown, next=following).json_object()


def failures_json(
    found: Sequence[AuditEvent], following: str | None, waiting: Sequence[Waiting]
) -> Json:
    """Return a page of sign-ins that failed, and who has to wait."""
    return FailureList(
        failures=[_failure(one) for one in found],
        waiting=[
            WaitingShape(
                kind=one.kind,
                source=one.source,
                failures=one.failures,
                last_at=moment(one.last_at),
                wait_until=moment(one.wait_until),
            )
            for one in waiting
        ],
        next=following,
    ).json_object()


def wordings_json(found: Sequence[KnownWording]) -> Json:
    """Return the texts of the warning."""
    shown = [
        WordingShape(
            version=one.notice.version,
            text=one.notice.text,
            current=one.current,
            since=rfc3339(one.since),
            acknowledgements=one.acknowledgements,
        )
        for one in found
    ]
    return WordingList(warnings=shown).json_object()


def acknowledged_json(found: Sequence[Acknowledged], following: str | None) -> Json:
    """Return a page of who has acknowledged a text."""
    shown = [
        AcknowledgedShape(
            case=one.case_number, person=one.person, acknowledged_at=moment(one.acknowledged_at)
        )
        for one in found
    ]
    return AcknowledgedList(acknowledgements=shown, next=following).json_object()


def sessions_json(found: Sequence[Session], following: str | None, reader: Principal) -> Json:
    """Return a page of sessions, without their secrets."""
    shown = [
        OpenSessionShape(
            id=one.id,
            name=one.name,
            role=one.role,
            cases=None if one.case_number is None else [one.case_number],
            subject=one.subject,
            method=one.method,
            address=one.address,
            began_at=moment(one.began_at),
            seen_at=moment(one.seen_at),
            expires_at=moment(one.expires_at),
            own=one.id == reader.credential,
        )
        for one in found
    ]
    return OpenSessionList(sessions=shown, next=following).json_object()


def _case(usage: CaseUsage) -> CaseUsageShape:
    case = usage.case
    return CaseUsageShape(
        number=case.number,
        subject=case.subject,
        account=case.account,
        status=case.status,
        hold=_hold(case.keeping),
        files=usage.files,
        size=usage.size_bytes,
        unfinished_size=usage.unfinished_bytes,
    )


def _deletion(deletion: Deletion) -> DeletionShape:
    case = deletion.usage.case
    return DeletionShape(
        **dict(_case(deletion.usage)),
        closed_at=rfc3339(case.closed_at),
        deletion_due_at=moment(deletion.due_at),
        verdict=deletion.verdict,
        begun=case.purge_started_at is not None,
    )


def _hold(hold: Hold | None) -> HoldShape | None:
    if hold is None:
        return None
    at = moment(hold.placed_at)
    return HoldShape(reason=hold.reason, placed_by=hold.placed_by, placed_at=at)


def _failure(event: AuditEvent) -> FailureShape:
    return FailureShape(
        at=moment(event.at),
        kind=event.action.removesuffix(".refused"),
        reason=event.details.get("reason"),
        who=event.actor,
        subject=event.subject,
        case=event.case_number,
        door=event.door,
        address=event.address,
        failures=event.details.get("failures"),
    )

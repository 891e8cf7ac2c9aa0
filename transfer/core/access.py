"""Who may do what: decided here for both doors, at every verb."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from transfer.core.cases import Case, CaseNumber, confirmed
from transfer.core.contacts import ContactKind, contact_of
from transfer.core.errors import (
    CaseClosedError,
    CaseCoreUnavailableError,
    CaseElsewhereError,
    CaseHiddenError,
    CaseMissingError,
    ForbiddenError,
)
from transfer.core.regions import elsewhere


class Role(StrEnum):
    """What a person is to a case."""

    DESIGNATED = "designated"
    READ_ONLY = "read-only"
    ANALYST = "analyst"
    ADMIN = "admin"


CUSTOMER_ROLES = frozenset({Role.DESIGNATED, Role.READ_ONLY})
STAFF_ROLES = frozenset({Role.ANALYST, Role.ADMIN})


class Door(StrEnum):
    """The protocol by which someone came in; CLI means the operator at the machine."""

    HTTP = "http"
    SFTP = "sftp"
    CLI = "cli"


class Action(StrEnum):
    """What can be done to a case and what it holds."""

    SEE = "see"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    ARRANGE = "arrange"  # rename, move, remove, folders, times
    SEE_ACCOUNTS = "see-accounts"
    MANAGE_ACCOUNTS = "manage-accounts"
    MANAGE_CASE = "manage-case"
    TAKE_PART = "take-part"  # comment, close, ask to reopen
    SEE_TIMELINE = "see-timeline"
    HOLD = "hold"
    MANAGE_TOKENS = "manage-tokens"
    MANAGE_SESSIONS = "manage-sessions"
    MANAGE_BANS = "manage-bans"
    MANAGE_RETENTION = "manage-retention"  # how long accounts' data is kept, and their holds
    OVERSEE = "oversee"  # what is kept, what will be deleted, who failed to sign in


AT_LARGE_ALONE = frozenset(
    {Action.MANAGE_TOKENS, Action.MANAGE_SESSIONS, Action.MANAGE_BANS, Action.OVERSEE}
    | {Action.MANAGE_RETENTION}
)
"""What concerns the service as a whole, and never a case."""

_OF_CASES = frozenset(Action) - AT_LARGE_ALONE

_ALLOWED: dict[Role, frozenset[Action]] = {
    Role.READ_ONLY: frozenset({Action.SEE, Action.DOWNLOAD}),
    Role.DESIGNATED: frozenset(
        {Action.SEE, Action.DOWNLOAD, Action.UPLOAD, Action.ARRANGE, Action.SEE_ACCOUNTS}
        | {Action.TAKE_PART}
    ),
    Role.ANALYST: _OF_CASES - {Action.HOLD},
    Role.ADMIN: _OF_CASES,
}

_ALLOWED_AT_LARGE: dict[Role, frozenset[Action]] = {
    Role.ANALYST: frozenset({Action.MANAGE_CASE}),
    Role.ADMIN: AT_LARGE_ALONE | {Action.MANAGE_CASE},
}

_NEEDS_OPEN_CASE = frozenset({Action.UPLOAD, Action.ARRANGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Someone who was authenticated, and by which door.

    `cases` limits what they see; None means every case. `actions` limits what their role allows;
    None means all of that. `grants` is what the operator allows their role beside it. `address` is
    where they come from, for the audit log. `credential` is the id of the token or account they
    came with, `credential_issue` which issue of that account.
    """

    name: str
    role: Role
    door: Door
    cases: frozenset[CaseNumber] | None = None
    actions: frozenset[Action] | None = None
    credential: str | None = None
    address: str | None = None
    grants: frozenset[Action] = frozenset()
    credential_issue: int = 0

    @property
    def is_staff(self) -> bool:
        """Whether they are of Customer Care."""
        return self.role in STAFF_ROLES

    def sees(self, number: CaseNumber) -> bool:
        """Whether the case exists, as far as they may know."""
        return self.cases is None or number in self.cases


def may(principal: Principal, action: Action, case: Case) -> bool:
    """Tell whether `authorise` lets `principal` do `action` to `case`."""
    try:
        authorise(principal, action, case)
    except (
        CaseMissingError,
        CaseElsewhereError,
        ForbiddenError,
        CaseClosedError,
        CaseCoreUnavailableError,
    ):
        return False
    return True


def authorise(principal: Principal, action: Action, case: Case) -> None:
    """Let `principal` do `action` to `case`, or raise.

    Raises:
        CaseHiddenError: someone else's case; it looks absent.
        CaseElsewhereError: another region's gateway serves it.
        ForbiddenError: not with this role.
        CaseClosedError: the case takes nothing new.
        CaseCoreUnavailableError: nobody can tell for now whether they are of the case.
    """
    if not principal.sees(case.number):
        raise CaseHiddenError(case.number)
    principal = _as_contact(principal, case)
    check_here(case)
    _check_role(principal, action, _ALLOWED)
    if action in _NEEDS_OPEN_CASE and case.is_closed:
        raise CaseClosedError("The case is closed: ask Customer Care to reopen it.")


def check_here(case: Case) -> None:
    """Raise unless `case` is served by this deployment.

    Raises:
        CaseElsewhereError: another region's gateway serves it.
    """
    if case.gateway is not None:
        raise elsewhere(case.number, case.gateway)


def authorise_at_large(principal: Principal, action: Action) -> None:
    """Let `principal` do `action` to the service as a whole: open cases, issue tokens; or raise.

    Raises:
        ForbiddenError: not with this role, or not by someone who is limited to some cases.
    """
    if principal.cases is not None:
        raise ForbiddenError("Who is limited to some cases may do this nowhere else.")
    _check_role(principal, action, _ALLOWED_AT_LARGE)


def may_at_large(principal: Principal, action: Action) -> bool:
    """Tell whether `authorise_at_large` lets `principal` do `action`."""
    try:
        authorise_at_large(principal, action)
    except ForbiddenError:
        return False
    return True


def allowed_to(role: Role) -> frozenset[Action]:
    """Return all that a role allows, to a case and at large."""
    return _ALLOWED[role] | _ALLOWED_AT_LARGE.get(role, frozenset())


def _as_contact(principal: Principal, case: Case) -> Principal:
    """Return `principal` as no more than the contact that the case core knows them for.

    Where it knows of none, who signs people in is believed. An SFTP account is no person.

    Raises:
        CaseHiddenError: it knows the contacts of the case, and they are none of them.
        CaseCoreUnavailableError: it is away, and its contacts aren't known here any more.
    """
    is_asked = principal.role in CUSTOMER_ROLES and principal.door is Door.HTTP
    if is_asked and case.is_stale and case.purge_started_at is not None:
        # Who its contacts are was deleted with its data, and the core can't be asked.
        confirmed(case)
    if not case.contacts or not is_asked:
        return principal
    kind = contact_of(case.contacts, principal.name)
    if kind is None:
        raise CaseHiddenError(case.number)
    if kind is ContactKind.DESIGNATED:
        return principal
    return replace(principal, role=Role.READ_ONLY, grants=frozenset())


def _check_role(
    principal: Principal, action: Action, allowed: Mapping[Role, frozenset[Action]]
) -> None:
    if action not in allowed.get(principal.role, frozenset()) | principal.grants:
        raise ForbiddenError(f"The role {principal.role} does not allow to {action} here.")
    if principal.actions is not None and action not in principal.actions:
        raise ForbiddenError(f"This sign-in is limited and does not allow to {action}.")

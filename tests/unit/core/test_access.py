"""Who may do what, as one table; and what that looks like from outside."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from transfer.core.access import (
    Action,
    Door,
    Principal,
    Role,
    allowed_to,
    authorise,
    may,
    may_at_large,
)
from transfer.core.cases import Case, CaseId, CaseNumber, Status, close
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import (
    CaseClosedError,
    CaseCoreUnavailableError,
    CaseHiddenError,
    CaseMissingError,
    ForbiddenError,
    TransferError,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NUMBER = CaseNumber("0003256109")
OTHER = CaseNumber("0003256110")

OPEN_CASE = Case(
    number=NUMBER,
    id=CaseId("k3"),
    subject="Trace of a hanging node",
    account="ACME",
    status=Status.OPEN,
    substatus="New",
    opened_at=NOW,
)
CLOSED_CASE = close(OPEN_CASE, None, NOW)

# Role: what it may do while the case is open. A closed one takes away `upload` and `arrange`.
MAY = {
    Role.READ_ONLY: "see download",
    Role.DESIGNATED: "see download upload arrange see-accounts take-part",
    Role.ANALYST: "see download upload arrange see-accounts manage-accounts manage-case "
    "take-part see-timeline",
    Role.ADMIN: "see download upload arrange see-accounts manage-accounts manage-case "
    "take-part see-timeline hold",
}


def someone(role: Role, cases: frozenset[CaseNumber] | None = None) -> Principal:
    return Principal(name="ada", role=role, door=Door.HTTP, cases=cases)


def refusal(principal: Principal, action: Action, case: Case) -> type[TransferError] | None:
    try:
        authorise(principal, action, case)
    except TransferError as exc:
        return type(exc)
    return None


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_table_says_to_an_open_case(role: Role, action: Action) -> None:
    expected = None if action.value in MAY[role].split() else ForbiddenError
    assert refusal(someone(role), action, OPEN_CASE) is expected


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_a_closed_case_takes_nothing_new_and_lets_all_else_be_done(
    role: Role, action: Action
) -> None:
    expected: type[TransferError] | None = None
    if action.value not in MAY[role].split():
        expected = ForbiddenError
    elif action in (Action.UPLOAD, Action.ARRANGE):
        expected = CaseClosedError
    assert refusal(someone(role), action, CLOSED_CASE) is expected


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_a_case_of_someone_else_looks_absent_whatever_is_tried(role: Role, action: Action) -> None:
    stranger = someone(role, frozenset({OTHER}))
    assert refusal(stranger, action, OPEN_CASE) is CaseHiddenError
    assert refusal(stranger, action, CLOSED_CASE) is CaseHiddenError


def test_the_message_for_a_stranger_is_the_same_as_for_a_case_that_is_not_there() -> None:
    with pytest.raises(CaseMissingError) as caught:
        authorise(someone(Role.ADMIN, frozenset()), Action.SEE, OPEN_CASE)
    assert caught.value.message == "No such case."


def test_a_limit_to_cases_lets_those_be_seen() -> None:
    limited = someone(Role.READ_ONLY, frozenset({NUMBER}))
    assert limited.sees(NUMBER)
    assert not limited.sees(OTHER)
    assert refusal(limited, Action.SEE, OPEN_CASE) is None


def test_no_limit_means_every_case() -> None:
    assert someone(Role.READ_ONLY).sees(OTHER)


@pytest.mark.parametrize("role", Role)
def test_staff_are_analysts_and_admins(role: Role) -> None:
    assert someone(role).is_staff == (role in (Role.ANALYST, Role.ADMIN))


# What concerns the service as a whole.
MAY_AT_LARGE = {
    Role.READ_ONLY: "",
    Role.DESIGNATED: "",
    Role.ANALYST: "manage-case",
    Role.ADMIN: "manage-case manage-tokens manage-sessions manage-bans manage-retention oversee",
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_table_says_at_large(role: Role, action: Action) -> None:
    expected = action.value in MAY_AT_LARGE[role].split()
    assert may_at_large(someone(role), action) == expected
    assert not may_at_large(someone(role, frozenset({NUMBER})), action)
    limited = replace(someone(role), actions=frozenset({Action.SEE}))
    assert not may_at_large(limited, action)


@pytest.mark.parametrize("role", Role)
def test_all_that_a_role_allows_is_both(role: Role) -> None:
    assert allowed_to(role) == {*MAY[role].split(), *MAY_AT_LARGE[role].split()}


def test_what_the_operator_grants_is_allowed_beside_the_role_and_within_its_limits() -> None:
    contact = replace(
        someone(Role.DESIGNATED, frozenset({NUMBER})), grants=frozenset({Action.MANAGE_ACCOUNTS})
    )
    assert refusal(contact, Action.MANAGE_ACCOUNTS, OPEN_CASE) is None
    assert refusal(contact, Action.MANAGE_CASE, OPEN_CASE) is ForbiddenError
    limited = replace(contact, actions=frozenset({Action.SEE}))
    assert refusal(limited, Action.MANAGE_ACCOUNTS, OPEN_CASE) is ForbiddenError
    elsewhere = replace(contact, cases=frozenset({OTHER}))
    assert refusal(elsewhere, Action.MANAGE_ACCOUNTS, OPEN_CASE) is CaseHiddenError


# ── Contacts ─────────────────────────────────────────────────────────────────────────────────


def known_to(person: str, kind: ContactKind) -> Case:
    contact = Contact(account="ACME", person=person, kind=kind)
    return replace(OPEN_CASE, contacts=(contact,))


def test_who_is_no_contact_of_a_case_that_has_some_finds_nothing() -> None:
    case = known_to("grace", ContactKind.DESIGNATED)
    assert refusal(someone(Role.DESIGNATED), Action.SEE, case) is CaseHiddenError
    assert refusal(someone(Role.READ_ONLY), Action.SEE, case) is CaseHiddenError


def test_a_designated_contact_may_what_their_sign_in_says() -> None:
    case = known_to("ada", ContactKind.DESIGNATED)
    assert refusal(someone(Role.DESIGNATED), Action.UPLOAD, case) is None
    assert refusal(someone(Role.READ_ONLY), Action.UPLOAD, case) is ForbiddenError


def test_a_read_only_contact_only_sees_whatever_their_sign_in_says() -> None:
    case = known_to("ada", ContactKind.READ_ONLY)
    signed_in = replace(someone(Role.DESIGNATED), grants=frozenset({Action.MANAGE_ACCOUNTS}))
    assert refusal(signed_in, Action.DOWNLOAD, case) is None
    for action in (Action.UPLOAD, Action.TAKE_PART, Action.MANAGE_ACCOUNTS):
        assert refusal(signed_in, action, case) is ForbiddenError


@pytest.mark.parametrize("role", [Role.ANALYST, Role.ADMIN])
def test_customer_care_is_nobody_s_contact(role: Role) -> None:
    assert refusal(someone(role), Action.UPLOAD, known_to("grace", ContactKind.READ_ONLY)) is None


def test_a_customer_waits_for_the_core_to_see_a_case_whose_contacts_are_deleted() -> None:
    case = replace(OPEN_CASE, purge_started_at=NOW, as_of=NOW)
    assert refusal(someone(Role.DESIGNATED), Action.SEE, case) is CaseCoreUnavailableError
    assert not may(someone(Role.READ_ONLY), Action.SEE, case)
    assert may(someone(Role.ANALYST), Action.SEE, case)
    for known in (replace(case, as_of=None), replace(case, purge_started_at=None)):
        assert may(someone(Role.DESIGNATED), Action.SEE, known)


def test_an_sftp_account_is_no_person() -> None:
    account = replace(someone(Role.DESIGNATED), door=Door.SFTP, name="c-x7")
    assert refusal(account, Action.UPLOAD, known_to("grace", ContactKind.READ_ONLY)) is None

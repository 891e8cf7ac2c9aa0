"""What is on a case's timeline, and what is known to come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from transfer.core.accounts import LIFETIME, AccountId, SftpAccount
from transfer.core.cases import Case, CaseId, CaseNumber, Hold, Status, close
from transfer.core.errors import InvalidRequestError
from transfer.core.timeline import (
    Coming,
    ComingKind,
    TimelineEntry,
    Topic,
    actions_of,
    parse_topic,
    told,
    what_comes,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PERIOD = timedelta(days=30)
CASE = Case(
    number=CaseNumber("0003256109"),
    id=CaseId("k3"),
    subject="Trace of a hanging node",
    account="ACME",
    status=Status.OPEN,
    substatus="New",
    opened_at=NOW,
)
ACCOUNT = SftpAccount(
    id=AccountId("a"),
    case_number=CASE.number,
    username="u3256109-abc",
    password_hash=b"",
    sealed_password=None,
    issued_by="ada",
    issued_at=NOW,
    expires_at=NOW + LIFETIME,
)
DELETION = Coming(at=NOW + PERIOD, kind=ComingKind.DELETION)
CLOSED = close(CASE, None, NOW)


def test_every_topic_has_actions_of_its_own_and_all_has_them_all() -> None:
    of_topics = [actions_of(topic) for topic in Topic]
    assert all(of_topics)
    assert sum(len(actions) for actions in of_topics) == len(actions_of(None))
    assert frozenset().union(*of_topics) == actions_of(None)
    assert "account.issued" in actions_of(Topic.ACCOUNTS)
    assert "retention.rows-scrubbed" not in actions_of(None)


def test_an_entry_is_of_its_action_s_topic() -> None:
    entry = TimelineEntry(
        number=1,
        at=NOW,
        action="file.downloaded",
        actor="ada",
        subject="f",
        door=None,
        address=None,
        details={},
    )
    assert entry.topic is Topic.FILES


def test_no_more_is_told_than_belongs_on_a_timeline() -> None:
    noted = {"username": "u", "expires_at": "then", "password": "secret"}
    assert told("account.issued", noted) == {"username": "u", "expires_at": "then"}
    assert told("case.opened", noted) == {}


def test_a_topic_is_named_by_its_word() -> None:
    assert parse_topic("files") is Topic.FILES
    with pytest.raises(InvalidRequestError, match="case, files"):
        parse_topic("Files")


def test_an_account_s_end_comes_and_the_soonest_is_first() -> None:
    later = replace(ACCOUNT, username="later", expires_at=ACCOUNT.expires_at + timedelta(hours=1))
    coming = what_comes(CASE, [later, ACCOUNT], PERIOD)
    assert [(one.kind, one.name) for one in coming] == [
        (ComingKind.ACCOUNT_END, "u3256109-abc"),
        (ComingKind.ACCOUNT_END, "later"),
    ]
    assert coming[0].at == ACCOUNT.expires_at


def test_a_closed_case_s_deletion_comes_unless_a_hold_stops_it_or_it_is_done() -> None:
    assert what_comes(CASE, [], PERIOD) == []
    assert what_comes(CLOSED, [], PERIOD) == [DELETION]
    hold = Hold(reason="lawsuit", placed_by="admin", placed_at=NOW)
    assert what_comes(replace(CLOSED, hold=hold), [], PERIOD) == []
    assert what_comes(replace(CLOSED, purged_at=NOW + PERIOD), [], PERIOD) == []

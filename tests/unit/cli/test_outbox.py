"""`transfer outbox`: what waits, what was given up, and telling that again."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from transfer.clock import SystemClock
from transfer.core.cases import CaseNumber
from transfer.ports import Records
from transfer.records.assembly import open_records
from transfer.records.database import Database


async def _on(data: Path, work: str, case: str) -> list[str]:
    database = await Database.open(f"sqlite:///{data / 'records.db'}")
    try:
        return await _work(open_records(database), work, CaseNumber(case))
    finally:
        await database.close()


async def _work(records: Records, work: str, case: CaseNumber) -> list[str]:
    now = SystemClock().now() + timedelta(minutes=1)
    events = await records.outbox.claim("w", now, now)
    ids = [event.id for event in events if event.case_number == case]
    if work == "give up":
        await records.outbox.give_up(ids, now, "refused")
    return ids


@pytest.fixture
def letter(run: Run, data: Path, case: str) -> str:
    """The id of an event that was given up: an account was issued."""
    assert run("account", "issue", "--case", case).status == 0
    (event_id,) = asyncio.run(_on(data, "give up", case))
    return event_id


def test_what_waits_is_listed_without_what_is_in_it(run: Run, case: str) -> None:
    account = run("account", "issue", "--case", case, "--json").json
    (waiting,) = run("outbox", "list", "--json").json["events"]
    assert (waiting["type"], waiting["case"]) == ("account.issued", case)
    assert (waiting["destination"], waiting["failures"]) == ("core", 0)
    assert waiting["dead_at"] is None
    assert waiting["due_at"].endswith("Z")
    assert account["username"] not in run("outbox", "list").out
    assert run("outbox", "list", "--dead", "--json").json == {"events": []}
    assert run("outbox", "list", "--to", "mail", "--json").json == {"events": []}


def test_a_dead_letter_is_listed_and_replayed(run: Run, data: Path, case: str, letter: str) -> None:
    (dead,) = run("outbox", "list", "--dead", "--case", case, "--json").json["events"]
    assert (dead["id"], dead["error"], dead["due_at"]) == (letter, "refused", None)
    assert run("outbox", "status", "--json").json == {
        "core": {"waiting": 0, "dead": 1, "oldest_at": None}
    }
    assert "core" in run("outbox", "status").out
    assert run("outbox", "replay", letter, "--json").json == {"replayed": 1}
    assert asyncio.run(_on(data, "claim", case)) == [letter]
    again = run("outbox", "replay", letter)
    assert again.status == 1
    assert "outbox list --dead" in again.err


def test_all_dead_letters_of_a_case_are_replayed(run: Run, case: str, letter: str) -> None:
    assert run("outbox", "replay", "--all", "--case", "0000000404", "--json").json["replayed"] == 0
    assert run("outbox", "replay", "--all", "--case", case, "--json").json["replayed"] == 1
    assert run("outbox", "list", "--dead").out == ""


def test_a_replay_names_events_or_takes_all(run: Run, letter: str) -> None:
    for words in ((), (letter, "--all")):
        refused = run("outbox", "replay", *words)
        assert refused.status != 0
        assert "--all" in refused.err

"""`transfer case`."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from transfer.cli.shapes import case_json as printed_case
from transfer.http.rendering import case_json as api_case


def test_a_case_is_opened_in_a_folder_that_did_not_exist(run: Run, data: Path) -> None:
    opened = run("case", "open", "--subject", "Crash", "--account", "Example", "--json")
    assert opened.status == 0
    assert opened.json["status"] == "Open"
    assert opened.json["closed_at"] is None
    assert (data.stat().st_mode & 0o777) == 0o700


def test_a_number_can_be_chosen_once(run: Run) -> None:
    words = ("case", "open", "--subject", "Crash", "--account", "Example")
    assert run(*words, "--number", "0003256109", "--json").json["number"] == "0003256109"
    again = run(*words, "--number", "0003256109")
    assert again.status == 1
    assert again.err.startswith("Error: ")


def test_a_folder_given_to_the_command_wins(run: Run, case: str, tmp_path: Path) -> None:
    assert run("case", "list", "--json", "--data", str(tmp_path / "other")).json == {"cases": []}
    assert [row["number"] for row in run("case", "list", "--json").json["cases"]] == [case]


def test_a_case_goes_through_its_life(run: Run, case: str) -> None:
    moved = run("case", "status", case, "awaiting information", "--json").json
    assert (moved["status"], moved["substatus"]) == ("Awaiting Information", "Third Party Pending")
    closed = run("case", "close", case, "--resolution", "cancelled", "--json").json
    assert (closed["status"], closed["substatus"]) == ("Closed", "Cancelled")
    held = run("case", "hold", case, "--reason", "Audit", "--json").json
    assert held["hold"] == "Audit"
    assert run("case", "unhold", case, "--json").json["hold"] is None
    reopened = run("case", "reopen", case, "--json").json
    assert (reopened["status"], reopened["closed_at"]) == ("Open", None)
    texts = [update["text"] for update in run("case", "updates", case, "--json").json["updates"]]
    assert texts[0] == "Case opened."
    assert texts[-1] == "Case reopened."


def test_a_case_has_a_priority_and_a_customer_who_bought(run: Run) -> None:
    words = ("case", "open", "--subject", "Down", "--account", "Example", "--sold-to", "Reseller")
    opened = run(*words, "--priority", "production down", "--json").json
    assert (opened["priority"], opened["sold_to"]) == ("Production Down", "Reseller")
    changed = run("case", "priority", opened["number"], "low", "--json").json
    assert changed["priority"] == "Low"


def test_a_customer_answers_closes_and_has_a_case_reopened(run: Run, case: str) -> None:
    waiting = run("case", "status", case, "Solution Proposed", "--json").json
    assert waiting["waiting_since"] is not None
    answered = run("case", "comment", case, "No, it hangs.", "--customer", "grace", "--json").json
    assert (answered["status"], answered["waiting_since"]) == ("Open", None)
    by_grace = ("--customer", "grace", "--json")
    told = ("--reason", "no longer needed", "--comment", "We moved.")
    closed = run("case", "close", case, *told, *by_grace).json
    assert (closed["substatus"], closed["close_reason"]) == ("Cancelled", "No longer needed")
    refused = run("case", "reopen", case, "--customer", "grace")
    assert "Write something" in refused.err
    reopened = run("case", "reopen", case, "--information", "It hangs again.", *by_grace).json
    assert reopened["status"] == "Open"
    updates = run("case", "updates", case, "--json").json["updates"]
    said = [update["text"] for update in updates if update["kind"] == "comment"]
    assert said == ["No, it hangs.", "We moved.", "It hangs again."]


def test_the_deletion_is_due_when_the_retention_period_is_over(
    run: Run, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_RETENTION_PERIOD", "36h")
    closed = run("case", "close", case, "--json").json
    due, since = map(datetime.fromisoformat, (closed["deletion_due_at"], closed["closed_at"]))
    assert due - since == timedelta(hours=36)


def test_a_list_can_be_limited_to_a_status(run: Run, case: str) -> None:
    run("case", "open", "--subject", "Other", "--account", "Example")
    run("case", "close", case)
    listed = run("case", "list", "--status", "closed", "--json").json["cases"]
    assert [row["number"] for row in listed] == [case]


def test_a_table_is_for_people_and_has_what_they_typed_on_one_line(run: Run) -> None:
    run("case", "open", "--subject", "Two\nlines \x1b[31m", "--account", "[bold]Example")
    table = run("case", "list").out
    assert "Two⟨U+000A⟩lines ⟨U+001B⟩[31m" in table
    assert "[bold]Example" in table
    assert len(table.splitlines()) == 2


def test_an_empty_list_says_so(run: Run, data: Path) -> None:
    listed = run("case", "list")
    assert (listed.status, listed.out) == (0, "")
    assert "There are no cases." in listed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("case", "show", "9999999999"), "No such case"),
        (("case", "show", "12"), "ten digits"),
        (("case", "close", "9999999999"), "No such case"),
        (("case", "list", "--status", "Lost"), "A status is one of"),
        (("case", "priority", "0000000001", "Urgent"), "A priority is one of"),
        (("case", "close", "0000000001", "--reason", "Bored"), "A reason is one of"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    failed = run(*words)
    assert failed.status == 1
    assert failed.err.startswith("Error: ")
    assert said in failed.err
    assert "Traceback" not in failed.err
    assert failed.out == ""


def test_a_case_has_what_the_api_says_of_it_too(run: Run, case: str) -> None:
    import asyncio

    from transfer.settings import load
    from transfer.wiring.parts import open_parts

    async def shapes() -> tuple[dict[str, object], dict[str, object]]:
        async with open_parts(load()) as parts:
            [one] = await parts.desk.cases()
            return printed_case(one, timedelta(days=30)), api_case(one)

    printed, api = asyncio.run(shapes())
    assert api.items() <= printed.items()

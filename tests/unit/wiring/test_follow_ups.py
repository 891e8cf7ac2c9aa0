"""Follow-ups, as settings make them."""

from datetime import timedelta
from pathlib import Path

from tests.clock import MovableClock
from transfer.core.cases import Status
from transfer.records.migrate import upgrade
from transfer.settings import load
from transfer.wiring.parts import database_url, open_parts


async def test_customers_are_reminded_when_settings_say(tmp_path: Path) -> None:
    settings, clock = load(data=tmp_path, follow_up_days="1, 3"), MovableClock()
    upgrade(database_url(settings))
    async with open_parts(settings, clock=clock) as parts:
        case = await parts.desk.open("Crash", "Example", "ada")
        await parts.desk.move(case.number, Status.SOLUTION_PROPOSED, None, "ada")
        assert parts.follow_ups is not None
        done = []
        for _ in range(4):
            clock.advance(timedelta(days=1))
            done.append(await parts.follow_ups.run_once())
        assert done == [1, 0, 1, 0]
        assert (await parts.desk.case(case.number)).is_closed


async def test_another_core_reminds_its_customers_itself(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hush\n")
    settings = load(
        data=tmp_path,
        case_core="rest",
        case_core_url="https://cases.example.com/v1/",
        case_core_token_file=token,
    )
    upgrade(database_url(settings))
    async with open_parts(settings) as parts:
        assert parts.follow_ups is None


async def test_customers_ask_for_reopening_for_as_long_as_settings_say(tmp_path: Path) -> None:
    settings, clock = load(data=tmp_path, reopening_period="2d"), MovableClock()
    upgrade(database_url(settings))
    async with open_parts(settings, clock=clock) as parts:
        case = await parts.desk.open("Crash", "Example", "ada")
        await parts.desk.close(case.number, None, "ada")
        clock.advance(timedelta(days=2))
        reopened = await parts.desk.reopen_for_customer(case.number, "Again.", "grace")
        assert not reopened.is_closed

"""What has changed at the embedded core, as a reconciler goes through it."""

from datetime import timedelta

import pytest

from tests.clock import MovableClock
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import Case
from transfer.core.errors import InvalidRequestError


async def swept(
    desk: EmbeddedCaseCore, cursor: str | None = None, limit: int = 100
) -> tuple[list[Case], str]:
    """Go through the changes since `cursor` to their end."""
    found: list[Case] = []
    while True:
        page = await desk.changes(cursor, limit=limit)
        found += page.cases
        cursor = page.cursor
        if not page.more:
            return found, cursor


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_each_change_is_in_some_page_as_the_case_stands_now(
    desk: EmbeddedCaseCore, clock: MovableClock, limit: int
) -> None:
    cases = [await desk.open(f"Case {n}", "ACME", "ada") for n in range(4)]
    found, cursor = await swept(desk, limit=limit)
    assert found == cases
    clock.advance(timedelta(minutes=5))
    changed = await desk.close(cases[1].number, None, "ada")
    found, cursor = await swept(desk, cursor, limit)
    assert changed in found
    for _ in range(3):
        clock.advance(timedelta(minutes=5))
        found, cursor = await swept(desk, cursor, limit)
    assert found == []


async def test_a_cursor_of_somewhere_else_is_refused(desk: EmbeddedCaseCore) -> None:
    with pytest.raises(InvalidRequestError, match="begin without one"):
        await desk.changes("yesterday")

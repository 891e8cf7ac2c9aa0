"""What the engine sees of a case core that several regions share."""

import pytest
from structlog.testing import capture_logs

from tests.clock import MovableClock
from tests.regions import EMEA, PlacedCases
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import CaseNumber
from transfer.core.regions import Gateway
from transfer.ports import CaseEvent

OURS = CaseNumber("0003256109")
THEIRS = CaseNumber("0009999999")


@pytest.fixture
async def placed(desk: EmbeddedCaseCore) -> PlacedCases:
    for number in (OURS, THEIRS):
        await desk.open("Contact centre down", "Example Ltd", "analyst", number)
    return PlacedCases(regions={OURS: "us", THEIRS: "emea"})


async def test_each_case_says_who_serves_it_if_not_we(
    desk: EmbeddedCaseCore, placed: PlacedCases
) -> None:
    regional = placed.regional(desk)
    assert (await regional.case(THEIRS)).gateway == Gateway(region="emea", url=EMEA)
    assert (await regional.case(OURS, fresh=True)).gateway is None
    page = await regional.changes()
    assert {case.number: case.gateway is None for case in page.cases} == {OURS: True, THEIRS: False}


async def test_a_region_that_nobody_knows_is_told_in_the_log_once(
    desk: EmbeddedCaseCore, placed: PlacedCases
) -> None:
    placed.regions[THEIRS] = "apac"
    regional = placed.regional(desk)
    with capture_logs() as log:
        for _ in range(3):
            assert (await regional.case(THEIRS)).gateway == Gateway(region="apac")
    assert [(line["event"], line["region"]) for line in log] == [("region.unknown", "apac")]


class Listener(PlacedCases):
    """A case core that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[CaseEvent] = []

    async def tell(self, *events: CaseEvent) -> None:
        self.told += events


async def test_the_core_is_told_what_happened_whatever_the_region(
    desk: EmbeddedCaseCore, clock: MovableClock
) -> None:
    listener = Listener()
    event = CaseEvent(id="1", type="any", case_number=THEIRS, at=clock.now(), data={})
    await listener.regional(desk).tell(event)
    assert listener.told == [event]

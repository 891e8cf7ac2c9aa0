"""Regions as settings say: which is served here, and who serves the others."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.clock import MovableClock
from tests.engine_room import ANALYST, NUMBER
from tests.regions import PlacedCases
from transfer.casebridge.case_documents import case_document
from transfer.core.cases import NO_ID, Case, Status
from transfer.core.errors import CaseElsewhereError
from transfer.records.migrate import upgrade
from transfer.settings import Settings
from transfer.wiring.parts import database_url, open_parts
from transfer.wiring.regions import regional, regions_of

CASE = Case(
    number=NUMBER,
    id=NO_ID,
    subject="Contact centre down",
    account="Example Ltd",
    status=Status.OPEN,
    substatus="New",
    opened_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
)
GATEWAYS = "us=https://us.example.com, emea=https://emea.example.com/transfer/"


def test_without_a_region_of_ours_there_are_none() -> None:
    core = PlacedCases()
    assert regions_of(Settings.model_validate({})) is None
    assert regional(core, Settings.model_validate({})) is core


async def test_a_case_that_the_core_gives_to_another_region_is_refused_by_the_whole_service(
    tmp_path: Path,
) -> None:
    async def case(_: web.Request) -> web.Response:
        return web.json_response(case_document(replace(CASE, region="EMEA")))

    app = web.Application()
    app.router.add_get("/cases/{number}", case)
    (tmp_path / "token").write_text("of the core")
    async with TestServer(app) as core:
        settings = Settings.model_validate(
            {
                "data": tmp_path,
                "region": "US",
                "region_gateways": GATEWAYS,
                "case_core": "rest",
                "case_core_url": str(core.make_url("/")),
                "case_core_token_file": tmp_path / "token",
            }
        )
        await asyncio.to_thread(upgrade, database_url(settings))
        clock = MovableClock(CASE.opened_at)
        async with open_parts(settings, clock=clock) as parts:
            for _ in range(2):  # asked for, then remembered
                with pytest.raises(CaseElsewhereError) as caught:
                    await parts.files.case(ANALYST, NUMBER)
                assert caught.value.gateway == "https://emea.example.com/transfer"
            await core.close()
            clock.advance(3600)  # and while the core is away
            with pytest.raises(CaseElsewhereError):
                await parts.files.case(ANALYST, NUMBER)
            assert (await parts.desk.case(NUMBER)).gateway is None  # what retention sees

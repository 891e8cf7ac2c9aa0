"""What the engine does for cases of another region: nothing, and it says who does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine_room import ANALYST, NUMBER, PORTAL, EngineRoom, chunks, customer, engine_room
from tests.regions import EMEA, PlacedCases
from transfer.core.access import Role
from transfer.core.errors import CaseElsewhereError, LaunchElsewhereError, LaunchRefusedError
from transfer.core.names import CasePath
from transfer.engine.beginnings import FileToSend


@pytest.fixture
def placed() -> PlacedCases:
    return PlacedCases()


@pytest.fixture
async def room(tmp_path: Path, placed: PlacedCases) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path, placed=placed) as opened:
        yield opened


async def followed(room: EngineRoom, *, passed_on: bool = False, **claims: object) -> str:
    """Follow a link with these claims; return who it has signed in."""
    token = PORTAL.token(room.clock.now(), **claims)  # type: ignore[arg-type] # any claim
    launched = await room.launches.follow(token, address=None, passed_on=passed_on)
    return launched.session.name


async def refusal(room: EngineRoom, *, passed_on: bool = False, **claims: object) -> str:
    """Follow a link that is refused; return why."""
    with pytest.raises(LaunchRefusedError) as caught:
        await followed(room, passed_on=passed_on, **claims)
    return caught.value.reason


# ── Files ────────────────────────────────────────────────────────────────────────────────────


async def test_an_upload_that_began_is_refused_once_its_case_is_elsewhere_and_kept(
    room: EngineRoom, placed: PlacedCases
) -> None:
    file = FileToSend(case_number=NUMBER, path=CasePath("trace.log"), length=6)
    upload = await room.uploads.create(customer(), file)
    placed.regions[NUMBER] = "emea"
    with pytest.raises(CaseElsewhereError, match=EMEA):
        await room.append(customer(), upload.id, 0, chunks(b"abcdef"))
    with pytest.raises(CaseElsewhereError):
        await room.uploads.show(customer(), upload.id)
    placed.regions[NUMBER] = "us"
    assert (await room.uploads.show(customer(), upload.id)).offset == 0


async def test_nothing_is_created_shown_or_issued_for_a_case_of_another_region(
    room: EngineRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "EMEA"
    file = FileToSend(case_number=NUMBER, path=CasePath("trace.log"), length=3)
    asked = (
        lambda: room.uploads.create(customer(), file),
        lambda: room.files.case(ANALYST, NUMBER),
        lambda: room.accounts.issue(ANALYST, NUMBER),
        lambda: room.tokens.issue(Role.DESIGNATED, "Jo", NUMBER, issued_by="test"),
        lambda: room.links.make(Role.DESIGNATED, "Jo", NUMBER, made_by="test"),
        lambda: room.acknowledgements.accept(customer(), NUMBER, room.tools.notice.version),
    )
    for ask in asked:
        with pytest.raises(CaseElsewhereError) as caught:
            await ask()
        assert caught.value.gateway == EMEA


# ── Launch links ─────────────────────────────────────────────────────────────────────────────


async def test_a_link_for_another_region_is_its_gateway_s_to_follow_whomever_it_names(
    room: EngineRoom,
) -> None:
    with pytest.raises(LaunchElsewhereError) as caught:
        await followed(room, region="EMEA", aud="case-transfer-emea")
    assert (caught.value.region, caught.value.gateway) == ("emea", EMEA)
    assert await followed(room, region="us") == "Jo Smith"
    assert await followed(room) == "Jo Smith"


async def test_a_link_is_not_used_up_by_being_passed_on(
    room: EngineRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "emea"
    token = PORTAL.token(room.clock.now())
    for _ in range(2):
        with pytest.raises(LaunchElsewhereError):
            await room.launches.follow(token, address=None)
    placed.regions.clear()
    assert (await room.launches.follow(token, address=None)).session.case_number == NUMBER


async def test_what_the_core_says_goes_before_what_the_link_says(
    room: EngineRoom, placed: PlacedCases
) -> None:
    placed.regions[NUMBER] = "emea"
    with pytest.raises(LaunchElsewhereError):
        await followed(room, region="us")


async def test_a_link_that_was_passed_on_goes_no_further(
    room: EngineRoom, placed: PlacedCases
) -> None:
    assert await followed(room, passed_on=True, region="us") == "Jo Smith"
    placed.regions[NUMBER] = "emea"
    assert await refusal(room, passed_on=True, region="us") == "regions-disagree"


async def test_saying_that_a_link_was_passed_on_does_not_have_it_followed_in_another_region(
    room: EngineRoom,
) -> None:
    for region in ("emea", "apac"):
        assert await refusal(room, passed_on=True, region=region) == "regions-disagree"
    assert await refusal(room, passed_on=True, region="<b>") == "region"


async def test_a_link_to_a_region_that_nobody_knows_leads_nowhere(room: EngineRoom) -> None:
    with pytest.raises(LaunchElsewhereError) as caught:
        await followed(room, region="apac")
    assert caught.value.gateway is None


@pytest.mark.parametrize("region", ["", "<b>", 7, None, ["us"]])
async def test_a_link_with_no_name_of_a_region_is_refused(room: EngineRoom, region: object) -> None:
    assert await refusal(room, region=region) == "region"


async def test_a_link_that_nobody_trusted_has_signed_is_not_passed_on(room: EngineRoom) -> None:
    assert await refusal(room, region="emea", iss="https://evil.example.com") == "wrong-issuer"


async def test_the_operator_s_own_link_is_not_passed_on_as_nobody_else_has_its_key(
    room: EngineRoom, placed: PlacedCases
) -> None:
    link = await room.links.make(Role.ADMIN, "Al", NUMBER, made_by="operator")
    placed.regions[NUMBER] = "emea"
    with pytest.raises(CaseElsewhereError) as caught:
        await room.launches.follow(link, address=None)
    assert caught.value.page == f"{EMEA}/cases/{NUMBER}"
    assert not isinstance(caught.value, LaunchElsewhereError)


async def test_without_regions_the_claim_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    async with engine_room(tmp_path / "plain") as plain:
        assert await followed(plain, region="emea") == "Jo Smith"

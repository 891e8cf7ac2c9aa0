"""While the case core is away: what has begun goes on, and no new right is granted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine_room import ANALYST, NUMBER, PORTAL, EngineRoom, chunks, customer
from transfer.core.access import Role
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseCoreUnavailableError
from transfer.core.names import CasePath, parse_path
from transfer.core.uploads import StoredFile, UploadState
from transfer.engine.accounts import Accounts
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.beginnings import FileToSend
from transfer.engine.deliveries import Delivery
from transfer.engine.files import Files
from transfer.engine.launches import Launches
from transfer.engine.links import LinkKey, Links
from transfer.engine.policy import Tools
from transfer.engine.secrets import Sealer
from transfer.engine.tokens import Tokens
from transfer.engine.uploads import Uploads
from transfer.ports import CaseChanges, CaseEvent

EVE = replace(customer(), name="eve")


class _Away:
    """What a core said last of the room's cases, now that it is away."""

    def __init__(self, room: EngineRoom) -> None:
        self._room = room

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        if fresh:
            raise CaseCoreUnavailableError("away")
        return replace(await self._room.core.case(number), as_of=self._room.clock.now())

    async def changes(self, *_: object, **__: object) -> CaseChanges:
        raise CaseCoreUnavailableError("away")

    async def tell(self, *_: CaseEvent) -> None:
        raise CaseCoreUnavailableError("away")


@pytest.fixture
def tools(room: EngineRoom) -> Tools:
    return replace(room.tools, core=_Away(room))


@pytest.fixture
def uploads(room: EngineRoom, tools: Tools) -> Uploads:
    return Uploads(tools, room.leases)


async def received(room: EngineRoom) -> StoredFile:
    await room.send("app.log", b"What happened at night")
    entry = await room.files.entry(ANALYST, NUMBER, CasePath("app.log"))
    assert isinstance(entry, StoredFile)
    return entry


async def test_files_are_listed_and_downloaded(room: EngineRoom, tools: Tools) -> None:
    file = await received(room)
    files = Files(tools)
    assert (await files.case(customer(), NUMBER)).is_stale
    async with files.read(customer(), file, 0, file.size) as stream:
        assert b"".join([chunk async for chunk in stream]) == b"What happened at night"


async def test_an_upload_that_has_begun_goes_on_and_another_begins(
    room: EngineRoom, uploads: Uploads
) -> None:
    file = FileToSend(case_number=NUMBER, path=parse_path("app.log"), length=10)
    upload = await room.uploads.create(customer(), file)
    done = await uploads.take(customer(), upload.id, 0, Delivery.of(chunks(b"0123456789")))
    assert done.state is UploadState.RECEIVED
    again = replace(file, path=parse_path("again.log"))
    assert (await uploads.receive(customer(), again, chunks(b"0123456789"))).offset == 10


async def test_no_account_is_issued_nor_issued_again(room: EngineRoom, tools: Tools) -> None:
    account = (await room.accounts.issue(ANALYST, NUMBER)).account
    accounts = Accounts(tools, Sealer(bytes(32)), timedelta(hours=120))
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        await accounts.issue(ANALYST, NUMBER)
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        await accounts.reissue(ANALYST, account.id, NUMBER)
    assert [one.account.id for one in await accounts.active(ANALYST, NUMBER)] == [account.id]
    await accounts.revoke(ANALYST, account.id)


async def test_who_has_an_account_signs_in_with_it(room: EngineRoom, tools: Tools) -> None:
    issued = await room.accounts.issue(ANALYST, NUMBER)
    accounts = Accounts(tools, Sealer(bytes(32)), timedelta(hours=120))
    signed_in = await accounts.log_in(issued.account.username, issued.password or "", None)
    assert signed_in.cases == frozenset({NUMBER})


async def test_no_acknowledgement_is_taken_and_the_warning_is_shown(
    room: EngineRoom, tools: Tools
) -> None:
    acknowledgements = Acknowledgements(tools)
    shown = await acknowledgements.show(EVE, NUMBER)
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        await acknowledgements.accept(EVE, NUMBER, shown.notice.version)


async def test_no_link_is_followed_and_it_is_good_later(room: EngineRoom, tools: Tools) -> None:
    token = PORTAL.token(room.clock.now())
    launches = Launches(tools, room.sessions, room.attempts, [PORTAL.issuer()])
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        await launches.follow(token, address=None)
    assert (await room.launches.follow(token, address=None)).session.case_number == NUMBER


async def test_no_link_is_made_for_a_case(tools: Tools) -> None:
    links = Links(tools, LinkKey(bytes(32)), timedelta(hours=1))
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        await links.make(Role.DESIGNATED, "eve", NUMBER, made_by="operator")


async def test_no_token_is_issued_for_a_case_and_one_for_all_of_them_is(tools: Tools) -> None:
    tokens = Tokens(tools)
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        await tokens.issue(Role.DESIGNATED, "eve", NUMBER, issued_by="operator")
    token, _ = await tokens.issue(Role.ANALYST, "ada", None, issued_by="operator")
    assert isinstance(token.id, str)

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import text

from tests.contract.records.scenario import NOW, NUMBER, OTHER_NUMBER, after
from transfer.core.access import Action, Role
from transfer.core.errors import InvalidRequestError, TokenMissingError
from transfer.ports import AuditEvent, Records, Token
from transfer.records import migrate
from transfer.records.assembly import open_records
from transfer.records.database import Database

TOKEN = Token(
    id="token-1",
    name="portal",
    role=Role.READ_ONLY,
    cases=frozenset({NUMBER, OTHER_NUMBER}),
    actions=frozenset({Action.SEE, Action.DOWNLOAD}),
    issued_by="admin",
    issued_at=NOW,
    expires_at=NOW + timedelta(days=1),
)
SECRET = bytes(range(32))
ISSUED = AuditEvent(at=NOW, action="token.issued", actor="admin", subject=TOKEN.id)
REVOKED = AuditEvent(at=NOW, action="token.revoked", actor="admin", subject=TOKEN.id)


async def test_a_token_is_found_by_its_id_and_by_the_digest_of_its_secret(
    records: Records,
) -> None:
    await records.tokens.insert(TOKEN, SECRET, ISSUED)
    assert await records.tokens.by_secret(SECRET) == TOKEN
    assert await records.tokens.token(TOKEN.id) == TOKEN
    assert await records.tokens.by_secret(SECRET[::-1]) is None
    assert await records.audit.events() == [ISSUED]


async def test_a_token_without_limits_is_kept_as_such(records: Records) -> None:
    unlimited = replace(TOKEN, role=Role.ADMIN, cases=None, actions=None)
    await records.tokens.insert(unlimited, SECRET, ISSUED)
    assert await records.tokens.by_secret(SECRET) == unlimited


async def test_tokens_are_listed_newest_first_page_by_page(records: Records) -> None:
    tokens = [
        replace(TOKEN, id=f"token-{n}", issued_at=after(n // 2))  # two in the same moment
        for n in range(5)
    ]
    for n, token in enumerate(tokens):
        await records.tokens.insert(token, bytes([n]) * 32, ISSUED)
    newest_first = tokens[::-1]
    first, cursor = await records.tokens.page(None, 2)
    assert (first, cursor is None) == (newest_first[:2], False)
    second, cursor = await records.tokens.page(cursor, 2)
    assert (second, cursor is None) == (newest_first[2:4], False)
    assert await records.tokens.page(cursor, 2) == (newest_first[4:], None)
    assert await records.tokens.page(None, 5) == (newest_first, None)


@pytest.mark.parametrize("cursor", ["", "nonsense", "W10=", "WzEsMl0=", "é", "bnVsbA=="])
async def test_what_is_no_cursor_is_refused(records: Records, cursor: str) -> None:
    with pytest.raises(InvalidRequestError):
        await records.tokens.page(cursor, 2)


async def test_a_use_is_noted_once_an_interval(records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET, ISSUED)

    async def noted_at(seconds: float) -> object:
        await records.tokens.used(TOKEN.id, after(seconds), unless_after=after(seconds - 10))
        return (await records.tokens.token(TOKEN.id)).last_used_at

    assert await noted_at(1) == after(1)
    assert await noted_at(10.9) == after(1)
    assert await noted_at(11) == after(11)
    await records.tokens.used("nowhere", NOW, unless_after=NOW)


async def test_a_revoked_token_is_still_found_and_tells_when(records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET, ISSUED)
    revoked = replace(TOKEN, revoked_at=after(5))
    assert await records.tokens.revoke(TOKEN.id, after(5), REVOKED) == revoked
    assert await records.tokens.revoke(TOKEN.id, after(6), REVOKED) == revoked
    assert await records.tokens.by_secret(SECRET) == revoked
    assert await records.audit.events() == [ISSUED, REVOKED]


async def test_a_token_that_is_not_there_can_not_be_shown_or_revoked(records: Records) -> None:
    for token_id in ("nowhere", "\x00", "\ud800"):
        with pytest.raises(TokenMissingError):
            await records.tokens.token(token_id)
    with pytest.raises(TokenMissingError):
        await records.tokens.revoke("nowhere", NOW, REVOKED)
    assert await records.audit.events() == []


async def test_a_token_that_is_not_kept_is_not_told_of(records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET, ISSUED)
    with pytest.raises(Exception, match="token"):
        await records.tokens.insert(TOKEN, SECRET, ISSUED)
    assert await records.audit.events() == [ISSUED]


async def test_an_action_of_a_newer_version_opens_nothing(url: str, records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET, ISSUED)
    with migrate.transaction(url) as connection:
        connection.execute(text("""UPDATE tokens SET actions = '["see", "teleport"]'"""))
    assert (await records.tokens.token(TOKEN.id)).actions == frozenset({Action.SEE})


async def test_tokens_of_the_first_version_keep_their_case(empty_url: str) -> None:
    with migrate.transaction(empty_url) as connection:
        command.upgrade(migrate.config(connection), "0003")
        for number, case in enumerate((NUMBER, None)):
            connection.execute(
                text(
                    "INSERT INTO tokens (id, name, role, case_number, secret_sha256, issued_at,"
                    " expires_at) VALUES (:id, 'n', 'analyst', :case, :secret, :at, :at)"
                ),
                {"id": f"t{number}", "case": case, "secret": bytes([number]) * 32, "at": NOW},
            )
    await _upgrade(empty_url)
    database = await Database.open(empty_url)
    try:
        records = open_records(database)
        limited, unlimited = await records.tokens.token("t0"), await records.tokens.token("t1")
        assert limited.cases == frozenset({NUMBER})
        assert (limited.actions, limited.issued_by) == (None, "unknown")
        assert unlimited.cases is None
    finally:
        await database.close()


async def test_on_the_way_back_no_token_gets_wider(empty_url: str) -> None:
    await _upgrade(empty_url)
    database = await Database.open(empty_url)
    records = open_records(database)
    scopes = {
        "one": (frozenset({NUMBER}), None),
        "two": (frozenset({NUMBER, OTHER_NUMBER}), None),
        "all": (None, None),
        "limited": (frozenset({NUMBER}), frozenset({Action.SEE})),
    }
    for number, (name, (cases, actions)) in enumerate(scopes.items()):
        token = replace(TOKEN, id=name, cases=cases, actions=actions)
        await records.tokens.insert(token, bytes([number]) * 32, ISSUED)
    await database.close()
    with migrate.transaction(empty_url) as connection:
        command.downgrade(migrate.config(connection), "0003")
        rows = connection.execute(text("SELECT id, case_number FROM tokens ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("all", None), ("one", NUMBER)]


async def _upgrade(url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, url)


async def test_the_standing_of_several_tokens_is_told_at_once(records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET, ISSUED)
    await records.tokens.revoke(TOKEN.id, NOW, REVOKED)
    other = replace(TOKEN, id="token-2")
    await records.tokens.insert(other, SECRET[::-1], ISSUED)
    found = await records.tokens.standing([TOKEN.id, other.id, "nowhere"])
    assert {one.id: one.revoked_at for one in found} == {TOKEN.id: NOW, other.id: None}

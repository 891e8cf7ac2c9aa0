from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.records.scenario import NOW, NUMBER, after
from transfer.core.access import Role
from transfer.core.errors import TokenMissingError
from transfer.ports import Records, Token

TOKEN = Token(
    id="token-1",
    name="portal",
    role=Role.READ_ONLY,
    case_number=NUMBER,
    issued_at=NOW,
    expires_at=NOW + timedelta(days=1),
)
SECRET = bytes(range(32))


async def test_a_token_is_found_by_the_digest_of_its_secret(records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET)
    assert await records.tokens.by_secret(SECRET) == TOKEN
    assert await records.tokens.by_secret(SECRET[::-1]) is None


async def test_tokens_are_listed_newest_first(records: Records) -> None:
    newer = replace(TOKEN, id="token-2", case_number=None, role=Role.ADMIN, issued_at=after(1))
    await records.tokens.insert(TOKEN, SECRET)
    await records.tokens.insert(newer, SECRET[::-1])
    assert await records.tokens.tokens() == [newer, TOKEN]


async def test_a_revoked_token_is_still_found_and_tells_when(records: Records) -> None:
    await records.tokens.insert(TOKEN, SECRET)
    await records.tokens.revoke(TOKEN.id, after(5))
    await records.tokens.revoke(TOKEN.id, after(6))
    assert await records.tokens.by_secret(SECRET) == replace(TOKEN, revoked_at=after(5))


async def test_a_token_that_is_not_there_can_not_be_revoked(records: Records) -> None:
    with pytest.raises(TokenMissingError):
        await records.tokens.revoke("nowhere", NOW)

"""Bearer tokens: scoped, expiring, revocable, and kept as a hash only."""

from datetime import timedelta

import pytest

from tests.engine_room import NUMBER, EngineRoom
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    InvalidRequestError,
    NotSignedInError,
    TokenMissingError,
)


async def test_a_token_says_who_someone_is(room: EngineRoom) -> None:
    _, secret = await room.tokens.issue(Role.DESIGNATED, "jo", NUMBER, issued_by="cli")
    who = await room.tokens.authenticate(secret, "192.0.2.1")
    assert (who.name, who.role, who.cases) == ("jo", Role.DESIGNATED, frozenset({NUMBER}))
    _, secret = await room.tokens.issue(Role.ANALYST, "al", None, issued_by="cli")
    assert (await room.tokens.authenticate(secret, None)).cases is None


async def test_a_token_ends_by_time_and_by_revocation(room: EngineRoom) -> None:
    token, secret = await room.tokens.issue(
        Role.ANALYST, "al", None, issued_by="cli", lifetime=timedelta(hours=1)
    )
    other, other_secret = await room.tokens.issue(Role.ADMIN, "ad", None, issued_by="cli")
    room.clock.advance(timedelta(hours=1))
    with pytest.raises(NotSignedInError):
        await room.tokens.authenticate(secret, None)
    await room.tokens.authenticate(other_secret, None)
    await room.tokens.revoke(other.id, revoked_by="cli")
    with pytest.raises(NotSignedInError):
        await room.tokens.authenticate(other_secret, None)
    listed = {one.id: one.revoked_at for one in await room.tokens.tokens()}
    assert listed[token.id] is None
    assert listed[other.id] == room.clock.now()
    actions = [event.action for event in await room.records.audit.events()]
    assert actions.count("token.issued") == 2
    assert actions.count("token.revoked") == 1


async def test_what_is_no_token_is_refused(room: EngineRoom) -> None:
    for secret in ("", "ctt_", "' OR 1=1 --"):
        with pytest.raises(NotSignedInError):
            await room.tokens.authenticate(secret, None)
    with pytest.raises(TokenMissingError):
        await room.tokens.revoke("none", revoked_by="cli")


async def test_a_token_that_makes_no_sense_is_not_issued(room: EngineRoom) -> None:
    with pytest.raises(InvalidRequestError):
        await room.tokens.issue(Role.DESIGNATED, "jo", None, issued_by="cli")
    with pytest.raises(CaseMissingError):
        await room.tokens.issue(Role.DESIGNATED, "jo", CaseNumber("0000000042"), issued_by="cli")
    with pytest.raises(InvalidRequestError):
        await room.tokens.issue(Role.ANALYST, "al", None, issued_by="cli", lifetime=timedelta(0))

"""Tokens that end while what they began is under way."""

from datetime import timedelta

import pytest

from tests.engine_room import NUMBER, EngineRoom, chunks, customer
from tests.unit.engine.stalling import DATA, a_file
from transfer.core.access import Role
from transfer.core.errors import NotSignedInError
from transfer.core.uploads import UploadState


async def test_a_token_that_ends_while_bytes_come_completes_nothing_and_loses_nothing(
    room: EngineRoom,
) -> None:
    token, secret = await room.tokens.issue(Role.DESIGNATED, "jo", NUMBER, issued_by="cli")
    sender = await room.tokens.authenticate(secret, None)
    await room.agree(sender)
    upload = await room.uploads.create(sender, a_file(length=len(DATA)))

    async def revoke() -> None:
        await room.tokens.revoke(sender, token.id)

    with pytest.raises(NotSignedInError):
        await room.append(sender, upload.id, 0, chunks(DATA, then=revoke))
    stood = await room.records.uploads.upload(upload.id)
    assert (stood.state, stood.offset) == (UploadState.INTERRUPTED, len(DATA))
    assert (await room.uploads.show(customer(), upload.id)).state is UploadState.RECEIVED
    assert await room.content(upload.path) == DATA


async def test_an_expired_token_completes_nothing(room: EngineRoom) -> None:
    life = timedelta(minutes=1)
    _, secret = await room.tokens.issue(
        Role.DESIGNATED, "jo", NUMBER, issued_by="cli", lifetime=life
    )
    sender = await room.tokens.authenticate(secret, None)
    await room.agree(sender)
    upload = await room.uploads.create(sender, a_file())

    async def wait() -> None:
        room.clock.advance(life)

    with pytest.raises(NotSignedInError):
        await room.append(sender, upload.id, 0, chunks(DATA, then=wait))


async def test_a_good_token_completes_what_it_began(room: EngineRoom) -> None:
    _, secret = await room.tokens.issue(Role.DESIGNATED, "jo", NUMBER, issued_by="cli")
    sender = await room.tokens.authenticate(secret, None)
    await room.agree(sender)
    upload = await room.uploads.create(sender, a_file())
    done = await room.append(sender, upload.id, 0, chunks(DATA))
    assert done.state is UploadState.RECEIVED

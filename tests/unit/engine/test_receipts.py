"""Receipts: what was received, signed, the same whenever and wherever it is fetched."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet, OKPKey

from tests.engine_room import ANALYST, NUMBER, EngineRoom, chunks, customer
from tests.unit.engine.stalling import DATA, a_file
from transfer.core.errors import (
    CaseMissingError,
    EntryMissingError,
    InvalidRequestError,
    ReceiptMissingError,
    UploadMissingError,
)
from transfer.core.names import CasePath
from transfer.core.uploads import FileId, Upload, UploadId
from transfer.engine.receipts import ALGORITHM, PURPOSE, Receipts, ReceiptSigner, verify
from transfer.engine.secrets import Sealer

STRANGER = customer("0000000099")


async def verified(room: EngineRoom, token: str) -> Any:  # noqa: ANN401 - JSON
    """Return what a receipt says, checked as anybody checks it: by the published keys alone."""
    keys = KeySet.import_key_set({"keys": [dict(key) for key in await room.receipts.keys()]})
    return json.loads(jws.deserialize_compact(token, keys, algorithms=[ALGORITHM]).payload)


async def sent(room: EngineRoom, path: str = "a.log") -> tuple[Upload, FileId]:
    upload = await room.send(path, DATA)
    assert upload.file_id is not None
    return upload, upload.file_id


async def test_every_finish_has_a_receipt_that_anybody_can_check(room: EngineRoom) -> None:
    upload, file_id = await sent(room)
    receipt = await room.receipts.of_upload(customer(), upload.id)
    assert receipt == await room.receipts.of_file(ANALYST, file_id)
    said = await verified(room, receipt.jws)
    assert said == json.loads(receipt.statement)
    file = await room.files.file(ANALYST, file_id)
    assert (said["kind"], said["case"], said["path"]) == ("upload", NUMBER, "a.log")
    assert (said["size"], said["sha256"]) == (len(DATA), file.sha256)
    assert (said["upload_id"], said["file_id"]) == (upload.id, file_id)
    assert (said["sent_by"], said["door"], said["verified"]) == ("customer", "http", False)


async def test_an_empty_file_has_one_as_well(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file(length=0))
    said = await verified(room, (await room.receipts.of_upload(customer(), upload.id)).jws)
    assert said["size"] == 0


async def test_a_receipt_says_what_was_received_then_whatever_became_of_it(
    room: EngineRoom,
) -> None:
    upload, file_id = await sent(room)
    first = await room.receipts.of_upload(customer(), upload.id)
    await room.uploads.promise(customer(), upload.id, json.loads(first.statement)["sha256"])
    await room.files.move(customer(), NUMBER, CasePath("a.log"), CasePath("b.log"))
    room.clock.advance(timedelta(days=1))
    assert await room.another_node().receipts.of_upload(customer(), upload.id) == first
    await room.files.remove(customer(), NUMBER, CasePath("b.log"))
    await room.core.close(NUMBER, None, "analyst")
    assert await room.receipts.of_upload(customer(), upload.id) == first
    assert await room.receipts.of_file(customer(), file_id) == first


async def test_a_file_that_was_numbered_is_told_by_the_name_that_it_got(room: EngineRoom) -> None:
    await sent(room)
    upload, _ = await sent(room)
    receipt = await room.receipts.of_upload(customer(), upload.id)
    assert json.loads(receipt.statement)["path"] == "a (2).log"


async def test_what_is_not_received_has_none(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    await room.append(customer(), upload.id, 0, chunks(DATA[:1000]))
    with pytest.raises(ReceiptMissingError):
        await room.receipts.of_upload(customer(), upload.id)


async def test_someone_else_s_receipt_looks_like_none(room: EngineRoom) -> None:
    upload, file_id = await sent(room)
    for upload_id, who in ((upload.id, STRANGER), (UploadId("none"), customer())):
        with pytest.raises(UploadMissingError, match="No such upload"):
            await room.receipts.of_upload(who, upload_id)
    for of_file, who in ((file_id, STRANGER), (FileId("none"), customer())):
        with pytest.raises(EntryMissingError, match="No such file"):
            await room.receipts.of_file(who, of_file)


async def test_a_changed_receipt_is_found_out(room: EngineRoom) -> None:
    upload, _ = await sent(room)
    head, body, signature = (await room.receipts.of_upload(customer(), upload.id)).jws.split(".")
    other, _ = await sent(room)
    another_body = (await room.receipts.of_upload(customer(), other.id)).jws.split(".")[1]
    assert another_body != body
    with pytest.raises(BadSignatureError):
        await verified(room, f"{head}.{another_body}.{signature}")


async def test_keys_stay_published_when_the_sealing_key_changes(room: EngineRoom) -> None:
    upload, _ = await sent(room)
    old = await room.receipts.of_upload(customer(), upload.id)
    room.clock.advance(timedelta(days=1))
    changed = Receipts(room.tools, ReceiptSigner(Sealer(bytes([7]) * 32).derive(PURPOSE)))
    room_with_both = replace(room, receipts=changed)
    new = await changed.of_upload(customer(), upload.id)
    assert new.statement == old.statement
    assert new.jws != old.jws
    assert await verified(room_with_both, old.jws) == await verified(room_with_both, new.jws)
    assert [key["kid"] for key in await changed.keys()] == [
        changed._signer.key_id,
        room.receipts._signer.key_id,
    ]


def test_a_key_tells_nothing_secret_of_itself() -> None:
    signer = ReceiptSigner(bytes(32))
    assert set(signer.public_key()) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_each_purpose_has_its_own_key_the_same_on_every_node() -> None:
    sealer = Sealer(bytes(32))
    assert sealer.derive("receipts") == Sealer(bytes(32)).derive("receipts")
    others = {
        sealer.derive("receipts"),
        sealer.derive("other"),
        Sealer(b"1" * 32).derive("receipts"),
    }
    assert len(others) == 3
    assert all(len(key) == 32 and key != bytes(32) for key in others)


def test_what_the_key_has_signed_for_another_end_is_no_receipt() -> None:
    key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    signer = ReceiptSigner(bytes(32))
    header = {"alg": ALGORITHM, "kid": signer.key_id}
    other = jws.serialize_compact(header, "{}", key, algorithms=[ALGORITHM])
    with pytest.raises(InvalidRequestError, match="no receipt"):
        verify(other, [signer.public_key()])
    assert verify(signer.sign('{"a":1}'), [signer.public_key()]) == {"a": 1}


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_weaker_algorithm_is_taken_for_a_signature(algorithm: str) -> None:
    signer = ReceiptSigner(bytes(32))
    _, body, signature = signer.sign("{}").split(".")
    weaker = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).rstrip(b"=")
    for forged in (f"{weaker.decode()}.{body}.", f"{weaker.decode()}.{body}.{signature}"):
        with pytest.raises(InvalidRequestError):
            verify(forged, [signer.public_key()])


async def test_a_case_s_receipts_are_those_of_its_uploads_for_who_sees_it(room: EngineRoom) -> None:
    assert await room.receipts.of_case(customer(), NUMBER) == ([], None)
    sent_uploads = [(await sent(room, f"{number}.log"))[0] for number in range(2)]
    listed, following = await room.receipts.of_case(ANALYST, NUMBER, limit=1)
    assert following is not None
    rest, end = await room.receipts.of_case(customer(), NUMBER, after=following, limit=1)
    assert end is None
    each = [await room.receipts.of_upload(customer(), upload.id) for upload in sent_uploads]
    assert sorted(one.jws for one in listed + rest) == sorted(one.jws for one in each)
    with pytest.raises(CaseMissingError):
        await room.receipts.of_case(STRANGER, NUMBER)

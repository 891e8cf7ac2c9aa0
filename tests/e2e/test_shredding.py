"""Encryption under a key a case, on a real store and by the real service, and the end of a key."""

import hashlib
import json
import os
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from boto3.session import Session

from tests.clock import MovableClock
from tests.engine_room import MIB, NUMBER, EngineRoom, chunks, customer, cut, engine_room
from tests.keys import destroy_key
from tests.seaweed import plain_client
from tests.service import Service
from transfer.core.cases import Case
from transfer.core.errors import EntryMissingError, UploadGoneError
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile, case_prefix, keyed_case
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy
from transfer.keys.masters import MasterKeyFile
from transfer.keys.ring import CaseKeyRing
from transfer.ports import Records, StoredKind
from transfer.storage.keyed import KeyedStore
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings, make_client

pytestmark = pytest.mark.e2e

DATA = random.Random(6).randbytes(23 * MIB + 1234)
Start = Callable[..., Service]


class LateKeys:
    """The keys of cases, of records that are opened after the store."""

    ring: CaseKeyRing

    async def for_reading(self, object_key: str) -> bytes | None:
        return await self.ring.for_reading(object_key)

    async def for_writing(self, object_key: str) -> bytes | None:
        return await self.ring.for_writing(object_key)

    async def forget(self, case: Case) -> str | None:
        return await self.ring.forget(case)


@dataclass
class KeyedRoom:
    room: EngineRoom
    bare: S3ObjectStore
    settings: S3Settings
    keys: LateKeys

    async def case(self) -> Case:
        return await self.room.records.cases.case(NUMBER)

    async def objects(self) -> list[str]:
        case = await self.case()
        listed = await self.bare.list_everything(case_prefix(case.id))
        return [item.key for item in listed if item.kind is StoredKind.VERSION]

    async def is_dark(self, key: str) -> bool:
        """Whether the store gives nothing of an object to who has no key, as a copy would be."""
        client = plain_client(self.settings)
        try:
            client.get_object(Bucket=self.settings.bucket, Key=key)
        except client.exceptions.ClientError:
            return True
        finally:
            client.close()
        return False


def ring_of(records: Records) -> CaseKeyRing:
    return CaseKeyRing(
        records=records.case_keys,
        masters=MasterKeyFile(bytes(32)),
        clock=MovableClock(),
    )


@pytest.fixture
async def keyed_room(tmp_path: Path, bucket: S3Settings) -> AsyncIterator[KeyedRoom]:
    keys, policy = LateKeys(), UploadPolicy(plan=PartPlan(base_bytes=8 * MIB), keyed=True)
    async with (
        S3ObjectStore(bucket) as bare,
        engine_room(tmp_path, store=KeyedStore(bare, keys), policy=policy, running=True) as room,
    ):
        keys.ring = ring_of(room.records)
        yield KeyedRoom(room, bare, bucket, keys)


async def test_files_of_any_size_are_encrypted_and_come_back(keyed_room: KeyedRoom) -> None:
    room = keyed_room.room
    sizes = {"empty": 0, "small": 1000, "one-put": 6 * MIB, "parts": len(DATA)}
    for name, size in sizes.items():
        await room.send(f"{name}.log", DATA[:size])
    for name, size in sizes.items():
        assert await room.content(f"{name}.log") == DATA[:size]
    objects = await keyed_room.objects()
    assert len(objects) == len(sizes)
    case = await keyed_room.case()
    assert {keyed_case(key) for key in objects} == {case.id}
    assert all([await keyed_room.is_dark(key) for key in objects])


async def test_what_was_cut_off_is_encrypted_already_and_goes_on(keyed_room: KeyedRoom) -> None:
    room = keyed_room.room
    file = FileToSend(case_number=NUMBER, path=CasePath("cut.log"), length=len(DATA))
    upload = await room.uploads.create(customer(), file)
    with pytest.raises(ConnectionResetError):
        await room.append(customer(), upload.id, 0, chunks(DATA[: 9 * MIB], 300_000, then=cut))
    stood = await room.uploads.show(customer(), upload.id)
    assert 8 * MIB <= stood.offset <= 9 * MIB
    for key in await keyed_room.objects():  # the tail; parts can't be read before they are one
        assert await keyed_room.is_dark(key)
    keyed_room.keys.ring = ring_of(room.records)  # as on another node, which has no key at hand
    rest = DATA[stood.offset :]
    await room.append(customer(), upload.id, stood.offset, chunks(rest, 300_000))
    assert await room.content("cut.log") == DATA


async def test_what_is_appended_to_is_copied_inside_the_store(keyed_room: KeyedRoom) -> None:
    room = keyed_room.room
    await room.send("growing.log", DATA[: 7 * MIB])
    entry = await room.files.entry(customer(), NUMBER, CasePath("growing.log"))
    assert isinstance(entry, StoredFile)
    writer = await room.uploads.extend(customer(), entry, entry.size)
    await writer.write(DATA[7 * MIB : 9 * MIB])
    await room.uploads.finish_writer(customer(), writer)
    assert await room.content("growing.log") == DATA[: 9 * MIB]
    assert all([await keyed_room.is_dark(key) for key in await keyed_room.objects()])


async def test_once_the_key_is_destroyed_what_is_left_of_the_case_is_dark(
    keyed_room: KeyedRoom,
) -> None:
    room = keyed_room.room
    await room.send("trace.log", DATA[: 6 * MIB])
    entry = await room.files.entry(customer(), NUMBER, CasePath("trace.log"))
    assert isinstance(entry, StoredFile)
    closed = await room.core.close(NUMBER, None, "analyst")
    now = room.clock.now()
    await room.records.cases.start_purge(NUMBER, expected_version=closed.version, now=now)
    # Nothing is deleted: the store stands for the copies and backups that there may be of it.
    assert await keyed_room.keys.forget(closed) == await destroy_key(room.records, closed.id, now)
    store = KeyedStore(keyed_room.bare, ring_of(room.records))
    with pytest.raises(EntryMissingError):
        async with store.read(entry.object_key, 0, 1):
            pytest.fail("it gave something")
    with pytest.raises(UploadGoneError):
        await store.create_multipart(entry.object_key)
    assert await keyed_room.objects() == [entry.object_key]
    assert await keyed_room.is_dark(entry.object_key)


# ── The service ──────────────────────────────────────────────────────────────────────────────


def send(service: Service, name: str, data: bytes) -> None:
    encoded = b64encode(name.encode()).decode()
    sent = requests.post(
        f"{service.url}/api/v1/cases/{service.case}/uploads",
        headers={
            "Authorization": f"Bearer {service.customer_token}",
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(data)),
            "Upload-Metadata": f"filename {encoded}",
            "Content-Type": "application/offset+octet-stream",
        },
        data=data,
        verify=str(service.certificate),
        timeout=60,
    )
    assert (sent.status_code, int(sent.headers["Upload-Offset"])) == (201, len(data)), name


def stored_digests(service: Service) -> set[str]:
    """Return the SHA-256 of each file, as it is really downloaded."""

    def get(path: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {service.analyst_token}"}
        url, trusted = f"{service.url}/api/v1/{path}", str(service.certificate)
        return requests.get(url, headers=headers, verify=trusted, timeout=60)

    listed = get(f"cases/{service.case}/files").json()["files"]
    contents = [get(f"files/{file['id']}/content").content for file in listed]
    return {hashlib.sha256(content).hexdigest() for content in contents}


def put_plainly(service: Service, key: str, body: bytes) -> None:
    """Put an object past the service, as it does without encryption."""
    identity = json.loads((service.data / "store" / "identity.json").read_text())
    keys = identity["identities"][0]["credentials"][0]
    settings = S3Settings(
        bucket="case-transfer",
        endpoint_url=service.announced["store_url"],
        access_key=keys["accessKey"],
        secret_key=keys["secretKey"],
    )
    client = make_client(settings, Session(), read_timeout_seconds=30, connections=1)
    client.put_object(Bucket=settings.bucket, Key=key, Body=body)
    client.close()


def is_on_disk(service: Service, marker: bytes) -> bool:
    files = [path for path in (service.data / "store").rglob("*") if path.is_file()]
    return any(marker in path.read_bytes() for path in files if path.suffix != ".log")


@pytest.mark.timeout(240)
def test_the_service_encrypts_changes_its_master_key_and_destroys_keys_with_their_cases(
    start_service: Start, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.key", tmp_path / "new.key"
    old.write_bytes(os.urandom(32))
    new.write_bytes(os.urandom(32))
    given = {"encrypt_cases": "true", "retention_period": "1s"}
    service = start_service(master_keys=f"file:{old}", **given)
    marker, control = os.urandom(64), os.urandom(64)
    contents = [marker * 100, marker * 100_000]  # one object, and one of parts: 6.1 MiB
    for number, content in enumerate(contents):
        send(service, f"{number}", content)
    put_plainly(service, "control", control * 100)
    digests = {hashlib.sha256(content).hexdigest() for content in contents}
    assert stored_digests(service) == digests
    assert service.stop() == 0
    assert is_on_disk(service, control)
    assert not is_on_disk(service, marker)

    service.settings = {**given, "master_keys": f"file:{new},file:{old}"}
    assert service.cli_json("keys", "rotate")["rewrapped"] == 1
    old.unlink()
    service.settings = {**given, "master_keys": f"file:{new}"}
    service.start()
    assert stored_digests(service) == digests
    tried = service.cli_json("check-config")["tried"]
    assert tried == {"master_keys": [MasterKeyFile(new.read_bytes()).id], "store_encrypts": True}

    service.cli("case", "close", service.case)
    status = service.cli_json("keys", "status")
    assert (list(status["wrapped"].values()), status["destroyed"]) in [([1], 0), ([], 1)]
    service.cli("retention", "run")
    status = service.cli_json("keys", "status")
    assert (status["wrapped"], status["destroyed"]) == ({}, 1)
    assert service.stop() == 0

"""The whole file's SHA-256 from its sender, the receipt of what came, the warning before it all."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.e2e.http.http_room import (
    OTHER_NUMBER,
    Answer,
    HttpRoom,
    Parsed,
    metadata,
)
from tests.e2e.http.rufh_client import Rufh
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.notices import Notice
from transfer.core.uploads import UploadId
from transfer.engine.side_files import SideFiles
from transfer.http.receipts import RELATION

DATA = b"every byte of it counts\n" * 1000
DIGEST = hashlib.sha256(DATA).digest()
WRONG = hashlib.sha256(b"another file").digest()
ACKNOWLEDGEMENT = f"/api/v1/cases/{NUMBER}/acknowledgement"


def repr_digest(digest: bytes) -> dict[str, str]:
    return {"Repr-Digest": f"sha-256=:{base64.b64encode(digest).decode()}:"}


async def tell(room: HttpRoom, upload: str, sha256: str, who: str = "designated") -> Answer:
    return await room.ask("PUT", f"{upload}/digest", json={"sha256": sha256}, who=who)


def receipt_of(answer: Answer) -> str:
    """Return where an answer says that the receipt is."""
    target, _, relation = answer.headers["Link"].partition("; ")
    assert relation == f'rel="{RELATION}"'
    return target.strip("<>")


async def statement(room: HttpRoom, path: str) -> Parsed:
    """Return what a receipt says, checked by the keys that are there for everybody."""
    answer = await room.ask("GET", path)
    assert answer.status == 200, answer.body
    keys = await room.ask("GET", "/api/v1/receipt-keys", who=None)
    assert keys.headers["Content-Type"].startswith("application/jwk-set+json")
    checked = jws.deserialize_compact(
        answer.json()["jws"], KeySet.import_key_set(keys.json()), algorithms=["Ed25519"]
    )
    assert json.loads(checked.payload) == answer.json()["receipt"]
    return answer.json()["receipt"]


# ── The digest, whenever it is told ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value",
    [DIGEST.hex(), DIGEST.hex().upper(), base64.b64encode(DIGEST).decode(), DIGEST],
    ids=["hex", "upper-case hex", "Base64", "bytes"],
)
async def test_a_digest_in_the_metadata_is_understood_as_clients_write_it(
    room: HttpRoom, value: str | bytes
) -> None:
    encoded = base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    named = {"Upload-Metadata": f"{metadata(filename='a.log')},sha256 {encoded}"}
    await room.create(len(DATA), headers=named, data=DATA)
    (file,) = await room.files()
    assert (file["verified"], file["claimed_sha256"]) == (True, None)


@pytest.mark.parametrize("value", ["abc", "0" * 63, "0" * 65, "x" * 64])
async def test_a_malformed_digest_in_the_metadata_creates_nothing(
    room: HttpRoom, value: str
) -> None:
    named = {"Upload-Metadata": metadata(filename="a.log", sha256=value)}
    answer = await room.create(3, headers=named)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert "sha256" in answer.json()["detail"]
    assert await room.uploads() == []


async def test_a_digest_with_the_last_bytes_of_tus_verifies_the_file(room: HttpRoom) -> None:
    upload = await room.begin(len(DATA))
    await room.patch(upload, 0, DATA[:1000])
    last = await room.patch(upload, 1000, DATA[1000:], headers=repr_digest(DIGEST))
    assert last.status == 204
    (file,) = await room.files()
    assert file["verified"] is True
    again = await room.patch(upload, len(DATA), b"", headers=repr_digest(DIGEST))
    assert again.status == 204


async def test_a_wrong_digest_with_the_last_bytes_of_tus_receives_nothing(room: HttpRoom) -> None:
    upload = await room.begin(len(DATA))
    await room.patch(upload, 0, DATA[:1000])
    last = await room.patch(upload, 1000, DATA[1000:], headers=repr_digest(WRONG))
    assert (last.status, last.code) == (422, "digest-mismatch")
    assert (await room.head(upload)).status == 410
    assert (await room.files(), await room.uploads()) == ([], [])


async def test_a_digest_beside_the_creation_of_tus_must_agree_with_the_metadata(
    room: HttpRoom,
) -> None:
    named = {"Upload-Metadata": metadata(filename="a.log", sha256=DIGEST.hex())}
    refused = await room.create(len(DATA), headers={**named, **repr_digest(WRONG)}, data=DATA)
    assert (refused.status, refused.code) == (400, "digest-changed")
    created = await room.create(len(DATA), headers=repr_digest(WRONG))
    last = await room.patch(created.headers["Location"], 0, DATA)
    assert (last.status, last.code) == (422, "digest-mismatch")


@pytest.mark.parametrize(("digest", "status"), [(DIGEST, 201), (WRONG, 422)])
async def test_a_digest_with_the_last_bytes_of_rufh_decides(
    room: HttpRoom, digest: bytes, status: int
) -> None:
    client = Rufh()
    created = await client.create(room, DATA[:1000], ends=False)
    headers = {**client.type, **client.complete(ends=True), "Upload-Offset": "1000"}
    last = await room.ask(
        "PATCH",
        created.headers["Location"],
        headers={**headers, **repr_digest(digest)},
        data=DATA[1000:],
    )
    assert last.status == status, last.body
    assert [file["verified"] for file in await room.files()] == [True] * (status == 201)


async def test_a_promise_told_on_the_way_is_kept_or_the_file_is_not_received(
    room: HttpRoom,
) -> None:
    upload = await room.begin(len(DATA))
    told = await tell(room, upload, DIGEST.hex().upper())
    assert told.json() == {
        "upload_id": upload.rpartition("/")[2],
        "file_id": None,
        "sha256": DIGEST.hex(),
        "state": "promised",
        "verified": False,
    }
    changed = await tell(room, upload, WRONG.hex())
    assert (changed.status, changed.code) == (400, "digest-changed")
    later = await room.patch(upload, 0, DATA, headers=repr_digest(WRONG))
    assert (later.status, later.code) == (400, "digest-changed")
    assert await room.offset(upload) == 0
    await room.patch(upload, 0, DATA)
    (file,) = await room.files()
    assert file["verified"] is True


async def test_a_digest_told_afterwards_is_compared_and_the_file_stays(room: HttpRoom) -> None:
    created = await room.create(len(DATA), data=DATA)
    upload = created.headers["Location"]
    wrong = await tell(room, upload, base64.b64encode(WRONG).decode())
    assert (wrong.status, wrong.code) == (422, "digest-mismatch")
    assert DIGEST.hex() in wrong.json()["detail"]
    (file,) = await room.files()
    assert (file["verified"], file["claimed_sha256"]) == (False, WRONG.hex())
    right = await tell(room, upload, DIGEST.hex())
    assert (right.status, right.json()["verified"]) == (200, True)
    assert right.json()["file_id"] == file["id"]
    (file,) = await room.files()
    assert (file["verified"], file["claimed_sha256"]) == (True, None)


@pytest.mark.parametrize("body", [{}, {"sha256": ""}, {"sha256": "00"}, {"sha256": 7}])
async def test_a_malformed_digest_changes_nothing(room: HttpRoom, body: Parsed) -> None:
    upload = await room.begin(len(DATA))
    answer = await room.ask("PUT", f"{upload}/digest", json=body)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert (await tell(room, upload, DIGEST.hex())).status == 200


@pytest.mark.parametrize(
    ("name", "digest", "claimed"),
    [
        ("trace.log.sha256", WRONG.hex(), f"sha256:{WRONG.hex()}"),
        ("MD5SUMS", f"{'0' * 32}  trace.log", f"md5:{'0' * 32}"),
        ("trace.log.sha256", DIGEST.hex(), None),
        ("trace.log.md5", hashlib.md5(DATA, usedforsecurity=False).hexdigest(), None),
    ],
)
async def test_what_a_side_file_tells_is_compared_and_both_sides_see_what_came_of_it(
    room: HttpRoom, name: str, digest: str, claimed: str | None
) -> None:
    sent = await room.send(DATA, "trace.log")
    await room.send(digest.encode(), name)
    await SideFiles(room.engine.tools, "node").run_once()
    file = next(one for one in await room.files() if one["id"] == sent["id"])
    assert (file["verified"], file["claimed_digest"]) == (claimed is None, claimed)
    for who in ("designated", "analyst"):
        for path in (f"/cases/{NUMBER}", f"/files/{file['id']}"):
            shown = (await room.ask("GET", path, who=who)).body.decode()
            assert ("Differs" in shown) is (claimed is not None), path
            assert ("Verified" in shown) is (claimed is None), path
            assert ("has told the same digest" in shown) is (claimed is None), path
    told = (await room.ask("GET", f"/cases/{NUMBER}", who="analyst")).body.decode()
    assert ("tells the same digest" in told) is (claimed is None)
    assert ("tells another digest" in told) is (claimed is not None)


# ── Receipts ─────────────────────────────────────────────────────────────────────────────────────


async def test_every_answer_that_tells_of_the_finish_leads_to_the_receipt(room: HttpRoom) -> None:
    upload = await room.begin(len(DATA))
    first = await room.patch(upload, 0, DATA[:10])
    last = await room.patch(upload, 10, DATA[10:])
    at_once = await room.create(len(DATA), data=DATA)
    by_rufh = await Rufh().create(room, DATA, ends=True)
    assert "Link" not in first.headers
    for answer in (last, await room.head(upload), at_once, by_rufh):
        said = await statement(room, receipt_of(answer))
        assert (said["sha256"], said["size"]) == (DIGEST.hex(), len(DATA))
    assert receipt_of(last) == f"{upload}/receipt"


async def test_a_receipt_is_the_same_by_upload_and_by_file_and_in_each_form(
    room: HttpRoom,
) -> None:
    upload = (await room.create(len(DATA), data=DATA)).headers["Location"]
    (file,) = await room.files()
    said = await statement(room, f"{upload}/receipt")
    assert said["file_id"] == file["id"]
    whole = await room.ask("GET", f"{upload}/receipt")
    assert whole.body == (await room.ask("GET", f"/api/v1/files/{file['id']}/receipt")).body
    for query, accept in (("?format=jws", {}), ("", {"Accept": "application/jose"})):
        alone = await room.ask("GET", f"{upload}/receipt{query}", headers=accept)
        assert alone.headers["Content-Type"] == "application/jose"
        assert alone.body.decode() == whole.json()["jws"]
    plain = {"Accept": "application/jose"}
    assert (
        await room.ask("GET", f"{upload}/receipt?format=json", headers=plain)
    ).body == whole.body
    other = await room.ask("GET", f"{upload}/receipt?format=xml")
    assert (other.status, other.code) == (400, "invalid-request")


async def test_what_is_not_received_has_no_receipt(room: HttpRoom) -> None:
    upload = await room.begin(len(DATA))
    answer = await room.ask("GET", f"{upload}/receipt")
    assert (answer.status, answer.code) == (404, "receipt-not-found")


# ── The warning ──────────────────────────────────────────────────────────────────────────────────


async def a_newcomer(room: HttpRoom, role: Role = Role.DESIGNATED) -> str:
    """Sign in somebody who hasn't acknowledged anything."""
    _, room.tokens["newcomer"] = await room.engine.tokens.issue(
        role, "newcomer", NUMBER, issued_by="test"
    )
    return "newcomer"


async def test_a_customer_acknowledges_the_warning_before_anything_is_taken(
    room: HttpRoom,
) -> None:
    who = await a_newcomer(room)
    for refused in (
        await room.create(3, who=who),
        await room.create(3, who=who, data=b"abc"),
        await Rufh().create(room, b"abc", ends=True, who=who),
    ):
        assert (refused.status, refused.code) == (403, "acknowledgement-required")
        assert refused.json()["version"] == Notice().version
    assert (await room.files(), await room.uploads()) == ([], [])

    shown = (await room.ask("GET", ACKNOWLEDGEMENT, who=who)).json()
    assert shown == {"version": Notice().version, "text": Notice().text, "acknowledged_at": None}
    body = {"version": shown["version"]}
    accepted = (await room.ask("POST", ACKNOWLEDGEMENT, who=who, json=body)).json()
    assert accepted["acknowledged_at"] == "2026-03-02T09:00:00Z"
    assert (await room.ask("GET", ACKNOWLEDGEMENT, who=who)).json() == accepted
    assert (await room.create(3, who=who)).status == 201


async def test_only_the_present_wording_can_be_acknowledged(room: HttpRoom) -> None:
    who = await a_newcomer(room)
    outdated = await room.ask("POST", ACKNOWLEDGEMENT, who=who, json={"version": "0123"})
    assert (outdated.status, outdated.code) == (409, "acknowledgement-outdated")
    for body in ({}, {"version": ""}, {"version": None}):
        malformed = await room.ask("POST", ACKNOWLEDGEMENT, who=who, json=body)
        assert (malformed.status, malformed.code) == (400, "invalid-request")
    assert (await room.create(3, who=who)).status == 403


async def test_another_s_case_has_no_warning_to_acknowledge(room: HttpRoom) -> None:
    path = f"/api/v1/cases/{OTHER_NUMBER}/acknowledgement"
    for method, body in (("GET", None), ("POST", {"version": Notice().version})):
        answer = await room.ask(method, path, json=body)
        assert (answer.status, answer.code) == (404, "case-not-found")


# ── A closed case ────────────────────────────────────────────────────────────────────────────────


async def test_an_upload_that_was_whole_when_its_case_closed_is_told_of_and_goes_on_later(
    room: HttpRoom,
) -> None:
    # As a server leaves it that dies between the last byte and the finish.
    location = await room.begin(None)
    await room.patch(location, 0, DATA)
    upload_id = UploadId(location.rpartition("/")[2])
    ledger, now = room.engine.records.uploads, room.engine.clock.now()
    await ledger.announce(upload_id, len(DATA), None, now)
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/close", who="analyst")

    head = await room.head(location)
    assert (head.status, head.headers["Retry-After"]) == (423, "1")
    patch = await room.patch(location, len(DATA), b"")
    assert (patch.status, patch.code) == (403, "case-closed")
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/reopen", who="analyst")
    assert await room.offset(location) == len(DATA)
    (file,) = await room.files()
    assert file["sha256"] == DIGEST.hex()


async def test_a_case_that_closes_under_the_last_bytes_receives_nothing_and_loses_nothing(
    room: HttpRoom,
) -> None:
    location = await room.begin(len(DATA))

    async def body() -> AsyncIterator[bytes]:
        yield DATA[:1000]
        await room.ask("POST", f"/api/v1/cases/{NUMBER}/close", who="analyst")
        yield DATA[1000:]

    answer = await room.patch(location, 0, body())
    assert (answer.status, answer.code) == (403, "case-closed")
    assert await room.files() == []
    await room.ask("POST", f"/api/v1/cases/{NUMBER}/reopen", who="analyst")
    assert await room.offset(location) == len(DATA)
    assert [file["size"] for file in await room.files()] == [len(DATA)]

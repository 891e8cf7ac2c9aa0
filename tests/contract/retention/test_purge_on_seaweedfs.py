"""Retention on a real S3 store, looked at from beside our own code."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.clock import MovableClock
from tests.seaweed import fresh_bucket, plain_client
from tests.sqlite import sqlite_records
from tests.unit.retention.world import World
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import Case
from transfer.core.uploads import case_prefix
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class StoreWithMarkers:
    """A store in which something can be deleted as other S3 clients do: by a marker."""

    def __init__(self, store: S3ObjectStore, client: "S3Client", bucket: str) -> None:
        self._store = store
        self._client = client
        self._bucket = bucket

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def mark_deleted(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)


@pytest.fixture(params=["plain", "versioned"])
def settings(seaweed: S3Settings, request: pytest.FixtureRequest) -> Iterator[S3Settings]:
    with fresh_bucket(seaweed, versioned=request.param == "versioned") as made:
        yield made


@pytest.fixture
def client(settings: S3Settings) -> "Iterator[S3Client]":
    made = plain_client(settings)
    yield made
    made.close()


@pytest.fixture
async def world(tmp_path: Path, settings: S3Settings, client: "S3Client") -> AsyncIterator[World]:
    names = itertools.count(1)
    clock = MovableClock()
    async with sqlite_records(tmp_path) as records, S3ObjectStore(settings) as s3:
        core = EmbeddedCaseCore(
            records=records, clock=clock, new_id=lambda: f"{uuid4().hex}-{next(names)}"
        )
        store: Any = StoreWithMarkers(s3, client, settings.bucket)
        yield World(records=records, store=store, clock=clock, core=core)


def seen(client: "S3Client", settings: S3Settings, case: Case) -> list[str]:
    """Return what the store holds of a case: versions, markers, open multipart uploads."""
    prefix = case_prefix(case.id)
    listed = client.list_object_versions(Bucket=settings.bucket, Prefix=prefix)
    uploads = client.list_multipart_uploads(Bucket=settings.bucket, Prefix=prefix)
    return [
        *(version["Key"] for version in listed.get("Versions", ())),
        *(marker["Key"] for marker in listed.get("DeleteMarkers", ())),
        *(upload["Key"] for upload in uploads.get("Uploads", ())),
    ]


async def test_a_due_case_is_gone_from_the_store_and_others_are_not(
    world: World, client: "S3Client", settings: S3Settings
) -> None:
    other = await world.a_case()
    reopened = await world.a_closed_case()
    case = await world.a_due_case()
    await world.core.reopen(reopened.number, "grace")
    before = seen(client, settings, other), seen(client, settings, reopened)
    assert len(seen(client, settings, case)) >= 4

    report = await world.worker().run_once()

    assert (report.cases, report.failures) == ({"finished": 1}, [])
    assert seen(client, settings, case) == []
    assert (seen(client, settings, other), seen(client, settings, reopened)) == before
    assert before[0]
    assert (await world.present(case)).purged_at is not None
    assert (await world.actions(case.number))[-2:] == ["retention.verified", "retention.finished"]


async def test_removed_files_are_gone_from_the_store_soon(
    world: World, client: "S3Client", settings: S3Settings
) -> None:
    case = await world.a_case()
    [upload] = await world.records.uploads.unfinished(case.number)
    await world.records.uploads.abandon(upload.id, None, "cancelled", world.clock.now())
    assert upload.object_key in seen(client, settings, case)
    report = await world.worker().run_once()
    assert (report.discards_done, report.discards_failed) == (1, 0)
    assert upload.object_key not in seen(client, settings, case)


@pytest.mark.parametrize("settings", ["versioned"], indirect=True)
async def test_a_legal_hold_in_the_store_is_told_and_the_deletion_ends_once_it_is_lifted(
    world: World, client: "S3Client", settings: S3Settings
) -> None:
    case = await world.a_due_case()
    key = await world.put_object(case)
    client.put_object_lock_configuration(
        Bucket=settings.bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    client.put_object_legal_hold(Bucket=settings.bucket, Key=key, LegalHold={"Status": "ON"})
    report = await world.worker().run_once()
    assert report.cases == {"stuck": 1}
    assert seen(client, settings, case) == [key]
    assert (await world.actions(case.number))[-1] == "retention.stuck"

    client.put_object_legal_hold(Bucket=settings.bucket, Key=key, LegalHold={"Status": "OFF"})
    world.clock.advance(60)  # until it is tried again
    assert (await world.worker().run_once()).cases == {"finished": 1}
    assert seen(client, settings, case) == []

"""A real S3 server for tests: SeaweedFS, started once a session.

In a conftest: `from tests.seaweed import bucket as bucket, seaweed as seaweed`. Without the wheel
the tests that ask for it are skipped, but fail where CI is set.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from boto3.session import Session

from transfer.clock import SystemClock
from transfer.storage.data_folder import EmbeddedStoreError
from transfer.storage.embedded import EmbeddedStore
from transfer.storage.s3_bucket import delete_items, list_everything
from transfer.storage.s3_client import S3Settings, make_client
from transfer.storage.weed import weed_program

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def require_weed() -> None:
    """Skip the test without the wheel; in CI, fail."""
    try:
        weed_program()
    except EmbeddedStoreError as exc:
        if os.environ.get("CI"):  # noqa: TID251 - only CI can tell that it is CI
            pytest.fail(exc.args[0])
        pytest.skip(exc.args[0])


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    """A server with one bucket, which all tests share: use keys of your own."""
    require_weed()
    folder = tmp_path_factory.mktemp("seaweed")
    # Its own loop, at rest between start and stop: the loops of tests come and go.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        store = EmbeddedStore(folder, SystemClock())
        settings = runner.run(store.__aenter__())
        try:
            yield settings
        finally:
            runner.run(store.__aexit__())
    shutil.rmtree(folder)


@pytest.fixture
def bucket(seaweed: S3Settings) -> Iterator[S3Settings]:
    """A fresh bucket of the server, gone after the test."""
    with fresh_bucket(seaweed) as settings:
        yield settings


@contextmanager
def fresh_bucket(seaweed: S3Settings, *, versioned: bool = False) -> Iterator[S3Settings]:
    """Make a bucket, and remove it with all it holds: each one costs the server a volume."""
    settings = replace(seaweed, bucket=f"test-{uuid4().hex[:16]}")
    # A bucket that had held 200,000 objects wasn't removed within 30 seconds.
    client = plain_client(settings, read_timeout_seconds=600.0)
    try:
        client.create_bucket(Bucket=settings.bucket)
        if versioned:
            client.put_bucket_versioning(
                Bucket=settings.bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        yield settings
        while items := list_everything(client, settings.bucket, "", 1000):
            delete_items(client, settings.bucket, items)
        client.delete_bucket(Bucket=settings.bucket)
    finally:
        client.close()


def plain_client(settings: S3Settings, *, read_timeout_seconds: float = 30.0) -> "S3Client":
    """Return a boto3 client, to look at the server past our own code. Close it."""
    return make_client(
        settings, Session(), read_timeout_seconds=read_timeout_seconds, connections=4
    )

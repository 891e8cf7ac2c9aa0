"""What the nodes of a deployment share: a database, a store, keys."""

from pathlib import Path

import pytest

from tests.postgres import PostgresForTests
from tests.service import Service
from transfer.storage.s3_client import S3Settings


@pytest.fixture
def settings(postgres: PostgresForTests, bucket: S3Settings, tmp_path: Path) -> dict[str, str]:
    """What all nodes of a deployment have in common."""
    (tmp_path / "sealing.key").write_bytes(bytes(32))
    return {
        "database_url": postgres.create(),
        "s3_endpoint_url": str(bucket.endpoint_url),
        "s3_bucket": f"{bucket.bucket}-own",
        "s3_access_key": str(bucket.access_key),
        "s3_secret_key": str(bucket.secret_key),
        "sealing_key_file": str(tmp_path / "sealing.key"),
        "sftp_host_keys": str(tmp_path / "hostkeys"),
        "retention_period": "1ms",
    }


@pytest.fixture
def operator(tmp_path: Path, settings: dict[str, str]) -> Service:
    """A machine for the command line alone."""
    return Service(tmp_path, settings=settings)

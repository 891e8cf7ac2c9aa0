"""Two processes on one upload: whatever they do, what is committed is the content."""

import asyncio
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

from tests.contract.records.racing_writer import LENGTH, content
from tests.contract.records.scenario import CUSTOMER, NUMBER, new_upload, open_case
from transfer.clock import SystemClock
from transfer.core.uploads import Part, Upload
from transfer.ports import Records

ROOT = Path(__file__).parents[3]


async def _race(url: str, upload: Upload, store: Path, seed: int) -> Counter[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.records.racing_writer",
        *(url, upload.id, str(store), str(seed)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return Counter(json.loads(output))


def _put_together(parts: list[Part], store: Path) -> bytes:
    """Do as a store does: take each part that is named, if it is the one that was stored."""
    whole = b""
    for part in parts:
        data = (store / str(part.number)).read_bytes()
        assert hashlib.sha256(data).hexdigest() == part.etag, "another writer used its number"
        assert part.start == len(whole)
        whole += data
    return whole


async def test_two_processes_with_random_stalls_keep_the_content_intact(
    url: str, records: Records, tmp_path: Path
) -> None:
    await open_case(records)
    new = new_upload(length=LENGTH, now=SystemClock().now())
    upload = await records.uploads.create(new, CUSTOMER)
    store = tmp_path / "store"
    store.mkdir()
    counts = Counter[str]()
    for done in await asyncio.gather(*(_race(url, upload, store, seed) for seed in (1, 2))):
        counts.update(done)
    parts = await records.uploads.parts(upload.id)
    assert _put_together(parts, store) == content()
    now = await records.uploads.upload(upload.id)
    assert now.is_whole
    assert now.fence == counts["acquired"]
    assert counts["committed"] == len(parts) < now.next_part_number
    # Else nothing was raced for.
    assert counts["replaced"] > 3
    assert counts["acquired"] > 10
    assert not counts["unavailable"]
    assert (await records.uploads.unfinished(NUMBER))[0].id == upload.id

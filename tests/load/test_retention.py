"""Many objects in many cases, on SeaweedFS with versions: flat memory, each once, after a kill."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select

from tests.clock import START
from tests.seaweed import fresh_bucket, plain_client
from tests.seaweed import seaweed as seaweed
from transfer.core.cases import CaseId, CaseNumber, Status
from transfer.core.retention import PERIOD
from transfer.core.uploads import case_prefix
from transfer.engine.deletion_receipts import check
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.migrate import upgrade
from transfer.records.tables import cases
from transfer.retention.policy import RetentionPolicy
from transfer.storage.s3_bucket import list_everything
from transfer.storage.s3_client import S3Settings

pytestmark = pytest.mark.load

ROOT = Path(__file__).parents[2]
SENDERS = 16
DUE = START + PERIOD
LATER = DUE + RetentionPolicy().claim + timedelta(minutes=1)
SIZES = [(60, 10), pytest.param(2000, 100, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])]


@pytest.fixture
def bucket(seaweed: S3Settings) -> Iterator[S3Settings]:
    with fresh_bucket(seaweed, versioned=True) as settings:
        yield settings


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    await asyncio.to_thread(upgrade, url_of(tmp_path))
    database = await Database.open(url_of(tmp_path))
    yield database
    await database.close()


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/records.db"


def insert_cases(connection: Connection, count: int) -> None:
    """Insert closed cases: as many would take long to be opened and closed one by one."""
    row = {
        "subject": "It crashes",
        "account": "Acme",
        "status": Status.CLOSED,
        "substatus": "Resolved",
        "opened_at": START - timedelta(days=1),
        "closed_at": START,
        "version": 2,
    }
    rows = [{**row, "number": f"{n:010}", "id": f"case{n:06}"} for n in range(count)]
    connection.execute(insert(cases), rows)


def count_purged(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(cases.c.purged_at.is_not(None))) or 0


def fill(settings: S3Settings, count: int, each: int) -> None:
    """Put `each` small objects into each of `count` cases; every tenth is there twice."""

    def send(first: int) -> None:
        client = plain_client(settings)
        for n in range(first, count, SENDERS):
            for m in range(each):
                # As many objects as are wanted, some of them versions of one key.
                key = f"{case_prefix(CaseId(f'case{n:06}'))}object-{m - (m % 10 == 9):04}"
                client.put_object(Bucket=settings.bucket, Key=key, Body=b"x" * 100)
        client.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, range(SENDERS)))


@asynccontextmanager
async def worker(
    folder: Path, settings: S3Settings, now: datetime
) -> AsyncIterator[asyncio.subprocess.Process]:
    store_file = folder / "store.json"
    store_file.write_text(json.dumps(asdict(settings)), "utf-8")
    program = ("-m", "tests.load.retention_worker")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *program, url_of(folder), str(store_file), now.isoformat()),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def rounds_of(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(("count", "each"), SIZES)
async def test_a_killed_run_goes_on_and_two_workers_delete_each_case_once(
    tmp_path: Path, bucket: S3Settings, database: Database, count: int, each: int
) -> None:
    await database.write(insert_cases, count)
    await asyncio.to_thread(fill, bucket, count, each)

    async with worker(tmp_path, bucket, DUE) as first:
        assert first.stdout is not None
        begun = json.loads(await asyncio.wait_for(first.stdout.readline(), 60))
        await asyncio.wait([asyncio.ensure_future(first.wait())], timeout=0.2)
        first.kill()
    assert begun["more"]
    before = await database.read(count_purged)
    assert 0 < before < count

    async with (
        worker(tmp_path, bucket, LATER) as second,
        worker(tmp_path, bucket, LATER) as third,
    ):
        done = await asyncio.gather(rounds_of(second), rounds_of(third))

    client = plain_client(bucket)
    assert list_everything(client, bucket.bucket, "", 10) == []
    client.close()
    records = open_records(database)
    keys = await records.receipts.keys()
    said = [await said_of(database, CaseNumber(f"{n:010}"), keys) for n in range(count)]
    assert {one["objects"]["versions"] for one in said} == {each}
    assert {one["keys"]["count"] for one in said} == {each - each // 10}
    finished = sum(one["cases"].get("finished", 0) for rounds in done for one in rounds)
    assert finished == count - before
    for rounds in done:
        assert [one["failures"] for one in rounds] == [[]] * len(rounds)
        memory = [one["rss"] for one in rounds]
        assert max(memory) < memory[0] * 1.5


async def said_of(database: Database, number: CaseNumber, keys: list[Any]) -> dict[str, Any]:
    [receipt] = await open_records(database).deletions.receipts(number)
    return check(receipt, keys)

"""A worker of retention in a process of its own: deletes what is due until nothing is.

Arguments: the database's URL, a JSON file with the store's settings, the time it is there. It
writes a line of JSON after each round, with its memory.
"""

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path

import psutil

from tests.clock import MovableClock
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.engine.deletion_receipts import DeletionReceipts
from transfer.engine.receipts import ReceiptSigner
from transfer.engine.secrets import new_id
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.retention.policy import DeletionTools, RetentionPolicy
from transfer.retention.worker import RetentionWorker
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings
from transfer.telemetry import configure_logs


async def work(url: str, settings: S3Settings, now: datetime) -> None:
    """Have rounds until nothing is due."""
    clock = MovableClock(now, running=True)
    database = await Database.open(url)
    async with S3ObjectStore(settings) as store:
        records = open_records(database)
        core = EmbeddedCaseCore(records=records, clock=clock, new_id=new_id)
        receipts = DeletionReceipts(
            records=records, core=core, clock=clock, signer=ReceiptSigner(bytes(32))
        )
        tools = DeletionTools(
            records=records, store=store, core=core, clock=clock, receipts=receipts
        )
        worker = RetentionWorker(tools, RetentionPolicy(), overdue=_none)
        more = True
        while more:
            report = await worker.run_once()
            more = report.more
            rss = psutil.Process().memory_info().rss
            print(json.dumps({**report.to_json(), "rss": rss}), flush=True)  # noqa: T201 - its way to tell
    await database.close()


async def _none() -> int:
    return 0


if __name__ == "__main__":
    configure_logs("error", "json")
    access = S3Settings(**json.loads(Path(sys.argv[2]).read_text("utf-8")))
    asyncio.run(work(sys.argv[1], access, datetime.fromisoformat(sys.argv[3])))

"""The job queue in rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from transfer.core.uploads import FileId
from transfer.ports import Job, JobKind
from transfer.records.database import Database
from transfer.records.moments import has_come
from transfer.records.tables import jobs

_RESERVE = insert(jobs).returning(jobs.c.id, jobs.c.payload)
_TAKE_BACK = (
    delete(jobs)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), jobs.c.attempts == 0)
    .returning(jobs.c.id)
)

_FURTHEST = timedelta(days=1)
"""No job is put off for longer at a time."""


class SqlJobQueue:
    """Work in rows; plays the role `transfer.ports.JobQueue`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int = 20,
        *,
        kind: JobKind = JobKind.DISCARD,
    ) -> list[Job]:
        """Claim jobs that are ready, or whose claim has run out; they are ours until `until`."""
        claim = {"claimed_by": worker, "claimed_until": until}
        return await self._database.write(_claim, kind, now, claim, limit)

    async def done(self, jobs: Sequence[Job]) -> None:
        """Remove finished jobs."""
        await self._database.write(_remove, [job.id for job in jobs])

    async def retry(self, job: Job, run_at: datetime, error: str) -> None:
        """Hand a failed job back, not to be run before `run_at`.

        Does nothing when the claim ran out and another worker has the job now.
        """
        await self._database.write(_hand_back, job, {"run_at": run_at, "error": error})

    async def put_off(self, job: Job, run_at: datetime, payload: Mapping[str, Any]) -> None:
        """Hand a job back that has more to do then, as `payload` says; see `retry`."""
        values = {"run_at": run_at, "error": None, "payload": dict(payload)}
        await self._database.write(_hand_back, job, values)


def queue_discard(
    connection: Connection,
    now: datetime,
    *,
    keys: Iterable[str | None] = (),
    multiparts: Iterable[tuple[str, str]] = (),
) -> None:
    """Queue, within a transaction, the discard of bytes nobody needs; None is no key."""
    payload = {
        "keys": [key for key in keys if key is not None],
        "multiparts": [list(multipart) for multipart in multiparts],
    }
    if any(payload.values()):
        connection.execute(
            insert(jobs).values(kind=JobKind.DISCARD, payload=payload, attempts=0, run_at=now)
        )


def queue_side_file(connection: Connection, now: datetime, file_id: FileId) -> None:
    """Queue, within a transaction, the comparison of files with what a side file says of them."""
    payload = {"file_id": file_id, "judged": []}
    connection.execute(
        insert(jobs).values(kind=JobKind.SIDE_FILE, payload=payload, attempts=0, run_at=now)
    )


def reserve(connection: Connection, keys: Sequence[str], run_at: datetime) -> list[int]:
    """Queue a discard of each of `keys` that is meant to be taken back; return their ids."""
    values = [
        {
            "kind": JobKind.DISCARD,
            "payload": {"keys": [key], "multiparts": []},
            "attempts": 0,
            "run_at": run_at,
        }
        for key in keys
    ]
    # In any order, as SQLite would insert row by row to keep it: each tells its own key.
    ids = {row.payload["keys"][0]: row.id for row in connection.execute(_RESERVE, values)}
    return [ids[key] for key in keys]


def take_back(connection: Connection, ids: Collection[int]) -> set[int]:
    """Remove those of these jobs that nobody has claimed yet and that aren't gone; return them."""
    return set(connection.scalars(_TAKE_BACK, {"ids": list(ids)}))


def _claim(
    connection: Connection, kind: JobKind, now: datetime, claim: Mapping[str, Any], limit: int
) -> list[Job]:
    ready = connection.scalars(
        select(jobs.c.id)
        .where(
            jobs.c.kind == kind,
            has_come(jobs.c.run_at, now, _FURTHEST),
            or_(
                jobs.c.claimed_until.is_(None),
                has_come(jobs.c.claimed_until, now, claim["claimed_until"] - now),
            ),
        )
        .order_by(jobs.c.run_at, jobs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not ready:
        return []
    claimed = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(ready))
        .values(**claim, attempts=jobs.c.attempts + 1)
        .returning(jobs.c.id, jobs.c.kind, jobs.c.payload, jobs.c.attempts)
    )
    found = [
        Job(id=row.id, kind=row.kind, payload=row.payload, attempts=row.attempts) for row in claimed
    ]
    return sorted(found, key=lambda job: ready.index(job.id))


def _remove(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))


def _hand_back(connection: Connection, job: Job, values: Mapping[str, Any]) -> None:
    connection.execute(
        update(jobs)
        # Each claim counts as an attempt, so this tells our claim from a later one.
        .where(jobs.c.id == job.id, jobs.c.attempts == job.attempts)
        .values(claimed_by=None, claimed_until=None, **values)
    )

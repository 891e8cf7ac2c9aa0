"""What the tests of the records begin with: cases, people, uploads on their way and files."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from tests.clock import START
from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import LIFETIME, AccountId, SftpAccount
from transfer.core.cases import Case, CaseId, CaseNumber, CaseUpdate, Status, close
from transfer.core.names import CasePath
from transfer.core.uploads import (
    DigestState,
    Direction,
    FileId,
    Part,
    StoredFile,
    Tail,
    Upload,
    UploadId,
)
from transfer.ports import Advance, Finished, Job, Lease, NewUpload, Records
from transfer.records.tables import files

NOW = START
NUMBER = CaseNumber("0003256109")
OTHER_NUMBER = CaseNumber("0003256110")

CUSTOMER = Principal(
    name="customer",
    role=Role.DESIGNATED,
    door=Door.HTTP,
    cases=frozenset({NUMBER}),
    credential="account-1",
    address="192.0.2.7",
)
ANALYST = Principal(name="analyst", role=Role.ANALYST, door=Door.HTTP)

_numbers = itertools.count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def path(text: str) -> CasePath:
    return CasePath(text)


def new_case(number: CaseNumber = NUMBER) -> Case:
    return Case(
        number=number,
        id=CaseId(f"case-{number}"),
        subject="It crashes",
        account="Acme",
        status=Status.OPEN,
        substatus="New",
        opened_at=NOW,
    )


async def open_case(records: Records, number: CaseNumber = NUMBER) -> Case:
    case = new_case(number)
    await records.cases.insert(case, CaseUpdate(at=NOW, author="analyst", text="Case opened."))
    return case


async def close_case(records: Records, case: Case, at: datetime = NOW) -> Case:
    closed = close(case, None, at)
    entry = CaseUpdate(at=at, author="analyst", text="Case closed.")
    assert await records.cases.save(closed, expected_version=case.version, updates=[entry])
    return closed


def lease(owner: str = "node-1", seconds: float = 30) -> Lease:
    return Lease(owner, after(seconds))


def new_upload(at: str = "trace.log", **changes: Any) -> NewUpload:  # noqa: ANN401 -- as dataclasses.replace takes them
    new = NewUpload(
        id=UploadId(f"upload-{next(_numbers)}"),
        case_number=NUMBER,
        path=path(at),
        direction=Direction.FROM_CUSTOMER,
        length=100,
        now=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    return replace(new, **changes)


async def begin(
    records: Records,
    at: str = "trace.log",
    *,
    numbers: int = 0,
    **changes: Any,  # noqa: ANN401 -- as dataclasses.replace takes them
) -> Upload:
    """Create an upload, leased under fence 1, and reserve part numbers for it."""
    upload = await records.uploads.create(new_upload(at, **changes), CUSTOMER, lease())
    if numbers:
        await records.uploads.reserve_part(upload.id, upload.fence, numbers)
    return upload


def finished(key: str | None = None, size: int = 100, **changes: Any) -> Finished:  # noqa: ANN401 -- as dataclasses.replace takes them
    number = next(_numbers)
    done = Finished(
        file_id=FileId(f"file-{number}"),
        object_key=key or f"c/case/object-{number}",
        size=size,
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        digest=DigestState(sha256=b"final state", crc64nvme=2**64 - number),
        verified=False,
        now=NOW,
    )
    return replace(done, **changes)


async def receive(
    records: Records,
    at: str = "trace.log",
    *,
    done: Finished | None = None,
    **changes: Any,  # noqa: ANN401 -- as dataclasses.replace takes them
) -> StoredFile:
    """Send a file whole."""
    done = done or finished()
    upload = await begin(records, at, **{"length": done.size, **changes})
    return await records.uploads.finish(upload.id, done, CUSTOMER, fence=upload.fence)


def copy_file(connection: Connection, of: StoredFile, names: Sequence[str]) -> None:
    """Insert more rows like that of a file, beside it: faster than sending that many."""
    row = connection.execute(select(files).where(files.c.id == of.id)).one()._asdict()
    connection.execute(
        insert(files), [row | {"id": name, "name": name, "name_key": name} for name in names]
    )


def part(number: int, start: int, size: int) -> Part:
    return Part(number=number, start=start, size=size, etag=f"etag-{number}", crc64nvme=2**63)


def advance(before: int, *parts: Part, tail: Tail | None = None, **changes: Any) -> Advance:  # noqa: ANN401 -- as dataclasses.replace takes them
    """Return what moves an upload's offset on from `before`, where no tail is."""
    added = sum(one.size for one in parts) + (tail.size if tail else 0)
    step = Advance(
        expected_offset=before,
        offset=before + added,
        parts=parts,
        tail=tail,
        digest=DigestState(sha256=b"state", crc64nvme=2**64 - 1),
        now=after(1),
        expires_at=NOW + timedelta(days=2),
    )
    return replace(step, **changes)


async def fill(records: Records, upload: Upload) -> None:
    """Commit the one part that makes `upload` whole."""
    assert upload.length is not None
    number = await records.uploads.reserve_part(upload.id, upload.fence)
    step = advance(0, part(number, 0, upload.length))
    await records.uploads.commit(upload.id, upload.fence, step)


async def discards(records: Records) -> tuple[set[str], set[tuple[str, str]]]:
    """Return, and remove, all keys and multipart uploads that are queued for discard."""
    jobs: list[Job] = await records.jobs.claim("test", after(10**6), after(10**6 + 1), 1000)
    await records.jobs.done(jobs)
    keys = {key for job in jobs for key in job.payload["keys"]}
    return keys, {(key, of) for job in jobs for key, of in job.payload["multiparts"]}


async def audited(records: Records, number: CaseNumber = NUMBER) -> list[str]:
    return [event.action for event in await records.audit.events(number)]


def new_account(username: str = "u3256109-abc", **changes: Any) -> SftpAccount:  # noqa: ANN401 -- as dataclasses.replace takes them
    account = SftpAccount(
        id=AccountId(f"account-{next(_numbers)}"),
        case_number=NUMBER,
        username=username,
        password_hash=b"\x00hash\xff",
        sealed_password=b"\x00sealed\xff",
        issued_by="analyst",
        issued_at=NOW,
        expires_at=NOW + LIFETIME,
    )
    return replace(account, **changes)

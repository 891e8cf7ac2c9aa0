"""Cases with data in real records and a store in memory, and a way to cut the work off anywhere."""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from awscrt.checksums import crc64nvme

from tests.clock import MovableClock
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.outbox import OutboxDispatcher
from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import LIFETIME, AccountId, SftpAccount
from transfer.core.cases import Case, CaseNumber
from transfer.core.names import CasePath
from transfer.core.retention import PERIOD
from transfer.core.uploads import DigestState, Direction, FileId, Tail, UploadId, case_prefix
from transfer.engine.deletion_receipts import DeletionReceipts
from transfer.engine.receipts import ReceiptSigner
from transfer.ports import (
    Advance,
    CaseCore,
    DeletionReceipt,
    Finished,
    Lease,
    NewUpload,
    ObjectStore,
    Records,
    StoredItem,
)
from transfer.retention.clock_doubt import LastingDoubt
from transfer.retention.notices import DeletionNotices
from transfer.retention.policy import DeletionTools, RetentionPolicy
from transfer.retention.purge import CasePurge
from transfer.retention.worker import RetentionWorker
from transfer.storage.memory import Call, MemoryObjectStore

CUSTOMER = Principal(name="customer", role=Role.DESIGNATED, door=Door.HTTP)
ANALYST = Principal(name="ada", role=Role.ANALYST, door=Door.HTTP)
BODY = b"a line of a log\n" * 64
SIGNER = ReceiptSigner(bytes(32))


@dataclass(kw_only=True)
class World:
    """One set of records, one store, one clock."""

    records: Records
    store: MemoryObjectStore
    clock: MovableClock
    core: EmbeddedCaseCore
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def tools(self, **others: Any) -> DeletionTools:  # noqa: ANN401 -- any collaborator
        mine: dict[str, Any] = {
            "records": self.records,
            "store": self.store,
            "core": self.core,
            "clock": self.clock,
            **others,
        }
        receipts = DeletionReceipts(
            records=mine["records"], core=mine["core"], clock=mine["clock"], signer=SIGNER
        )
        return DeletionTools(receipts=receipts, **mine)

    def purge(
        self,
        *,
        policy: RetentionPolicy | None = None,
        stopping: Callable[[], bool] = lambda: False,
        **others: Any,  # noqa: ANN401 -- any collaborator
    ) -> CasePurge:
        return CasePurge(self.tools(**others), policy, stopping=stopping)

    def worker(
        self,
        *,
        policy: RetentionPolicy | None = None,
        overdue: Callable[[], Awaitable[int]] | None = None,
        doubt: LastingDoubt | None = None,
        **others: Any,  # noqa: ANN401 -- the same
    ) -> RetentionWorker:
        """Make a worker; it believes the clock that it begins with, unless it has a `doubt`."""
        return RetentionWorker(
            self.tools(**others),
            policy or RetentionPolicy(),
            overdue=overdue or no_uploads,
            doubt=doubt or LastingDoubt(self.clock, _NeverRan()),
        )

    def notices(self, **others: Any) -> DeletionNotices:  # noqa: ANN401 -- the same
        return DeletionNotices(self.tools(**others), RetentionPolicy())

    async def tell(self) -> None:
        """Have the case core told of what the outbox holds."""
        dispatcher = OutboxDispatcher(
            outbox=self.records.outbox, core=self.core, clock=self.clock, worker="test"
        )
        await dispatcher.run_once()

    def give_up_claims(self) -> None:
        """Let so much time pass that what a killed worker has claimed is free again."""
        self.clock.advance(RetentionPolicy().claim)

    async def receipts(self, case: Case) -> list[DeletionReceipt]:
        return await self.records.deletions.receipts(case.number)

    async def a_case(self) -> Case:
        """Open a case that holds of everything something."""
        case = await self.core.open("Trace of a hanging node", "ACME", "ada")
        await self.add_file(case, CasePath("logs/app.log"))
        await self.add_file(case, CasePath("logs/app.log"))
        await self._add_unfinished(case)
        await self.add_account(case)
        removed = await self._put(case, "removed")
        self.store.mark_deleted(removed)
        return case

    async def a_closed_case(self) -> Case:
        case = await self.a_case()
        return await self.core.close(case.number, None, "ada")

    async def a_due_case(self) -> Case:
        case = await self.a_closed_case()
        self.clock.advance(PERIOD)
        return case

    async def add_account(self, case: Case) -> SftpAccount:
        number = next(self.numbers)
        now = self.clock.now()
        account = SftpAccount(
            id=AccountId(f"account-{number}"),
            case_number=case.number,
            username=f"c{case.number}-{number}",
            password_hash=bytes(32),
            sealed_password=b"sealed",
            issued_by="ada",
            issued_at=now,
            expires_at=now + LIFETIME,
        )
        await self.records.accounts.insert(account, ANALYST)
        return account

    async def put_object(self, case: Case) -> str:
        """Put an object that no row knows of, as a writer that was cut off leaves it."""
        return await self._put(case, f"stray-{next(self.numbers)}")

    async def add_many(self, case: Case, count: int) -> None:
        for _ in range(count):
            await self.put_object(case)

    async def left_of(self, case: Case) -> list[StoredItem]:
        return await self.store.list_everything(case_prefix(case.id))

    async def present(self, case: Case) -> Case:
        return await self.records.cases.case(case.number)

    async def actions(self, number: CaseNumber, beginning: str = "retention.") -> list[str]:
        events = await self.records.audit.events(number)
        return [event.action for event in events if event.action.startswith(beginning)]

    async def details(self, number: CaseNumber, action: str) -> list[dict[str, Any]]:
        events = await self.records.audit.events(number)
        return [dict(event.details) for event in events if event.action == action]

    async def _put(self, case: Case, name: str) -> str:
        key = f"{case_prefix(case.id)}{name}"
        await self.store.put(key, BODY, crc64nvme=crc64nvme(BODY))
        return key

    async def _add_unfinished(self, case: Case) -> UploadId:
        upload_id = await self._upload(case, CasePath("cores/core.1"), length=10 * len(BODY))
        key = f"{case_prefix(case.id)}{upload_id}.1"
        multipart_id = await self.store.create_multipart(key)
        await self.records.uploads.begin_multipart(
            upload_id, 1, object_key=key, multipart_id=multipart_id
        )
        await self._commit(case, upload_id)
        return upload_id

    async def add_file(self, case: Case, path: CasePath) -> FileId:
        upload_id = await self._upload(case, path, length=len(BODY))
        tail_key = await self._commit(case, upload_id)
        await self.records.uploads.begin_completion(upload_id, self.clock.now())
        finished = Finished(
            file_id=FileId(f"file-{upload_id}"),
            object_key=tail_key,
            size=len(BODY),
            sha256="ab" * 32,
            digest=DigestState(sha256=None, crc64nvme=crc64nvme(BODY)),
            verified=False,
            now=self.clock.now(),
        )
        return (await self.records.uploads.finish(upload_id, finished, CUSTOMER)).id

    async def _upload(self, case: Case, path: CasePath, length: int) -> UploadId:
        upload_id = UploadId(f"upload-{next(self.numbers)}")
        now = self.clock.now()
        new = NewUpload(
            id=upload_id,
            case_number=case.number,
            path=path,
            direction=Direction.FROM_CUSTOMER,
            length=length,
            now=now,
            expires_at=now + timedelta(days=365),
        )
        lease = Lease(owner="test", until=now + timedelta(minutes=1))
        await self.records.uploads.create(new, CUSTOMER, lease)
        return upload_id

    async def _commit(self, case: Case, upload_id: UploadId) -> str:
        key = await self._put(case, f"{upload_id}.1.tail")
        now = self.clock.now()
        advance = Advance(
            expected_offset=0,
            offset=len(BODY),
            parts=(),
            tail=Tail(key=key, size=len(BODY)),
            digest=DigestState(sha256=None, crc64nvme=crc64nvme(BODY)),
            now=now,
            expires_at=now + timedelta(days=365),
        )
        await self.records.uploads.commit(upload_id, 1, advance)
        return key


class _NeverRan:
    """What the records have of clocks when no worker ever ran."""

    async def believed_at(self) -> None:
        return None

    async def believe(self, at: datetime) -> None:
        pass


class Killed(BaseException):
    """The process is gone: nothing of it goes on, not even what cleans up."""


class Guillotine:
    """Kills at the call of a given number, before it or, if `after`, when it is done.

    What it wraps answers no more from then on.
    """

    def __init__(self, at: int, *, after: bool) -> None:
        self._at = at
        self._after = after
        self.calls = 0

    def records(self, records: Records) -> Records:
        roles = {name: self.wrap(getattr(records, name)) for name in Records.__slots__}
        return replace(records, **roles)

    def store(self, store: ObjectStore) -> ObjectStore:
        wrapped: ObjectStore = self.wrap(store)
        return wrapped

    def core(self, core: CaseCore) -> CaseCore:
        wrapped: CaseCore = self.wrap(core)
        return wrapped

    def wrap(self, role: object) -> Any:  # noqa: ANN401 -- it passes for what it wraps
        return _Wrapped(role, self.call)

    async def call(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 -- whatever it returns
        self._begin()
        result = await work()
        if self._after and self.calls >= self._at:
            raise Killed
        return result

    async def before(self, _: Call) -> None:
        """Count the store's own steps, so that a batch can be cut in the middle."""
        self._begin()

    def _begin(self) -> None:
        """Count a call, and let none be made when it is over."""
        over = self.calls >= self._at
        self.calls += 1
        if over or (self.calls == self._at and not self._after):
            raise Killed


class Interruption(Guillotine):
    """Has something happen in the middle: before the call of a given number, all goes on then."""

    def __init__(self, at: int, happening: Callable[[], Awaitable[None]]) -> None:
        super().__init__(at, after=False)
        self._happening = happening

    async def call(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 -- whatever it returns
        self.calls += 1
        if self.calls == self._at:
            await self._happening()
        return await work()


class _Wrapped:
    def __init__(self, role: object, call: Callable[[Callable[[], Any]], Any]) -> None:
        self._role = role
        self._call = call

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the role has
        method = getattr(self._role, name)

        async def called(*args: object, **kwargs: object) -> object:
            return await self._call(lambda: method(*args, **kwargs))

        return called


async def no_uploads() -> int:
    """Have no uploads to see to."""
    return 0

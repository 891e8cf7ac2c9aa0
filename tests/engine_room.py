"""The engine with real records (SQLite), a store in memory and a clock that tests move."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.clock import MovableClock
from tests.portal import Portal
from tests.regions import REGIONS, PlacedCases
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.access import Door, Principal, Role
from transfer.core.cases import CaseNumber
from transfer.core.names import CasePath, parse_path
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile, Upload, UploadId
from transfer.engine.account_terms import AccountTermsDesk
from transfer.engine.accounts import Accounts
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.archive import Archives
from transfer.engine.attempts import Attempts
from transfer.engine.bans import Bans
from transfer.engine.beginnings import FileToSend
from transfer.engine.buffers import BufferPool
from transfer.engine.case_events import CaseEvents
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.deletion_receipts import DeletionReceipts
from transfer.engine.deliveries import Delivery
from transfer.engine.files import Files
from transfer.engine.launches import Launches
from transfer.engine.leases import Leases
from transfer.engine.links import LinkKey, Links
from transfer.engine.oversight import Oversight
from transfer.engine.policy import Tools, UploadPolicy
from transfer.engine.previews import Previews
from transfer.engine.receipts import PURPOSE, Receipts, ReceiptSigner
from transfer.engine.secrets import Sealer, new_id
from transfer.engine.sessions import Sessions
from transfer.engine.timelines import Timelines
from transfer.engine.tokens import Tokens
from transfer.engine.uploads import Uploads
from transfer.engine.visits import Visits
from transfer.ports import Buffer, ObjectStore, Records
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.migrate import upgrade
from transfer.storage.memory import MemoryObjectStore

KIB = 1024
MIB = 1024 * KIB
SMALL_PARTS = PartPlan(base_bytes=64 * KIB)
NUMBER = CaseNumber("0003256109")
PORTAL = Portal()


def customer(case_number: str = NUMBER, role: Role = Role.DESIGNATED) -> Principal:
    return Principal(
        name="customer", role=role, door=Door.HTTP, cases=frozenset({CaseNumber(case_number)})
    )


ANALYST = Principal(name="analyst", role=Role.ANALYST, door=Door.HTTP)
ADMIN = Principal(name="admin", role=Role.ADMIN, door=Door.HTTP)


@dataclass(kw_only=True)
class EngineRoom:
    """One node of the engine; `another_node` gives one more on the same records and store."""

    records: Records
    store: ObjectStore
    clock: MovableClock
    core: EmbeddedCaseCore
    tools: Tools
    leases: Leases
    uploads: Uploads
    files: Files
    archives: Archives
    previews: Previews
    accounts: Accounts
    tokens: Tokens
    acknowledgements: Acknowledgements
    receipts: Receipts
    events: CaseEvents
    timelines: Timelines
    attempts: Attempts
    bans: Bans
    visits: Visits
    sessions: Sessions
    links: Links
    launches: Launches
    oversight: Oversight
    account_terms: AccountTermsDesk
    deletion_receipts: DeletionReceipts
    nodes: list["EngineRoom"] = field(default_factory=list)

    def another_node(
        self, *, records: Records | None = None, store: ObjectStore | None = None
    ) -> "EngineRoom":
        """Return one more node; `records` and `store` are how it sees what all share."""
        records, store = records or self.records, store or self.store
        node = _node(records, store, self.clock, self.core, self.tools.policy)
        self.nodes.append(node)
        return node

    async def agree(self, principal: Principal, number: CaseNumber = NUMBER) -> None:
        """Have someone acknowledge the warning, so that they may send files."""
        version = self.tools.notice.version
        await self.acknowledgements.accept(principal, number, version)

    async def send(
        self,
        path: str,
        data: bytes,
        *,
        principal: Principal | None = None,
        replaces: bool = False,
        sha256: str | None = None,
    ) -> Upload:
        file = FileToSend(
            case_number=NUMBER,
            path=parse_path(path),
            length=len(data),
            replaces=replaces,
            expected_sha256=sha256,
        )
        return await self.uploads.receive(principal or customer(), file, chunks(data))

    async def append(
        self,
        principal: Principal,
        upload_id: UploadId,
        offset: int,
        chunks: AsyncIterator[Buffer],
        checksum: ChunkChecksum | None = None,
    ) -> Upload:
        delivery = Delivery.of(chunks, checksum)
        return await self.uploads.take(principal, upload_id, offset, delivery)

    async def content(self, path: str) -> bytes:
        entry = await self.files.entry(ANALYST, NUMBER, CasePath(path))
        assert isinstance(entry, StoredFile), f"{path} is {entry}"
        return await self.content_of(entry)

    async def content_of(self, file: StoredFile) -> bytes:
        async with self.files.read(ANALYST, file, 0, file.size) as stream:
            data = b"".join([chunk async for chunk in stream])
        assert hashlib.sha256(data).hexdigest() == file.sha256
        return data


async def chunks(
    data: bytes,
    size: int = 40_000,
    *,
    then: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Buffer]:
    """Yield `data` in pieces, and do `then` at the end: stall, or raise."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
    if then is not None:
        await then()


async def stall() -> None:
    await asyncio.Event().wait()


async def cut() -> None:
    raise ConnectionResetError("the client is gone")


@asynccontextmanager
async def engine_room(
    folder: Path,
    *,
    store: ObjectStore | None = None,
    plan: PartPlan = SMALL_PARTS,
    budget_bytes: int = 64 * MIB,
    running: bool = False,
    policy: UploadPolicy | None = None,
    placed: PlacedCases | None = None,
) -> AsyncIterator[EngineRoom]:
    """Open a node; with `placed`, cases are of regions, one of which is served here."""
    url = f"sqlite:///{folder}/records.db"
    await asyncio.to_thread(upgrade, url)
    database = await Database.open(url)
    clock = MovableClock(running=running)
    records = open_records(database)
    core = EmbeddedCaseCore(records=records, clock=clock, new_id=new_id)
    await core.open("Contact centre down", "Example Ltd", "analyst", NUMBER)
    policy = policy or UploadPolicy(plan=plan)
    objects = store or MemoryObjectStore(min_part_bytes=1)
    room = _node(records, objects, clock, core, policy, budget_bytes, placed)
    await room.agree(customer())
    try:
        yield room
    finally:
        for node in (room, *room.nodes):
            await node.leases.close()
        await database.close()


def _node(
    records: Records,
    store: ObjectStore,
    clock: MovableClock,
    core: EmbeddedCaseCore,
    policy: UploadPolicy,
    budget_bytes: int = 64 * MIB,
    placed: PlacedCases | None = None,
) -> EngineRoom:
    tools = Tools(
        records=records,
        store=store,
        core=placed.regional(core) if placed else core,
        clock=clock,
        pool=BufferPool(budget_bytes),
        policy=policy,
        new_id=new_id,
    )
    attempts = Attempts(tools)
    sessions = Sessions(tools, attempts)
    links = Links(tools, LinkKey(bytes(32)), timedelta(hours=1))
    leases, sealer = Leases(tools, owner=new_id()), Sealer(bytes(32))
    return EngineRoom(
        records=records,
        store=store,
        clock=clock,
        core=core,
        tools=tools,
        leases=leases,
        uploads=Uploads(tools, leases),
        files=Files(tools),
        archives=Archives(tools),
        previews=Previews(tools),
        accounts=Accounts(tools, sealer, timedelta(hours=120)),
        acknowledgements=Acknowledgements(tools),
        receipts=Receipts(tools, ReceiptSigner(sealer.derive(PURPOSE))),
        tokens=Tokens(tools),
        events=CaseEvents(tools),
        timelines=Timelines(tools),
        attempts=attempts,
        bans=Bans(tools),
        visits=Visits(tools),
        sessions=sessions,
        links=links,
        launches=Launches(
            tools,
            sessions,
            attempts,
            [links.issuer, PORTAL.issuer()],
            REGIONS if placed else None,
        ),
        oversight=Oversight(tools, sessions),
        account_terms=AccountTermsDesk(tools),
        deletion_receipts=DeletionReceipts(
            records=records,
            core=core,
            clock=clock,
            signer=ReceiptSigner(sealer.derive(PURPOSE)),
        ),
    )

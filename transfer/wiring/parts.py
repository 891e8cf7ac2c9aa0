"""The service without its doors: built from settings, upon records and an object store."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn, cast

from transfer.casebridge.contacts import Contacts
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.follow_ups import FollowUps
from transfer.casebridge.outbox import OutboxDispatcher
from transfer.clock import SystemClock
from transfer.core.access import Action, Role
from transfer.core.errors import StoreUnavailableError
from transfer.core.notices import Notice
from transfer.core.parts import PartPlan
from transfer.engine.account_terms import AccountTermsDesk
from transfer.engine.accounts import Accounts
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.archive import Archives
from transfer.engine.attempts import Attempts
from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.bans import BanPolicy, Bans
from transfer.engine.buffers import BufferPool
from transfer.engine.case_events import CaseEvents
from transfer.engine.deletion_receipts import DeletionReceipts
from transfer.engine.files import Files
from transfer.engine.leases import Leases
from transfer.engine.links import LINK_PURPOSE, LinkKey, Links
from transfer.engine.oversight import Oversight
from transfer.engine.policy import Tools, UploadPolicy
from transfer.engine.previews import Previews
from transfer.engine.receipts import PURPOSE, Receipts, ReceiptSigner
from transfer.engine.secrets import Sealer, new_id
from transfer.engine.sessions import SessionPolicy, Sessions
from transfer.engine.side_files import SideFiles
from transfer.engine.tidying import Tidying
from transfer.engine.timelines import Timelines
from transfer.engine.tokens import TokenPolicy, Tokens
from transfer.engine.uploads import Uploads
from transfer.engine.visits import Visits
from transfer.folder import ServiceFolder
from transfer.keys.ring import CaseKeyRing
from transfer.metrics import PrometheusMeter
from transfer.ports import CaseDesk, CaseMirror, Clock, ObjectStore, Records
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.retention.clock_doubt import LastingDoubt
from transfer.retention.policy import DeletionTools
from transfer.retention.sweeper import Sweeper
from transfer.retention.worker import RetentionWorker
from transfer.settings import Settings, SettingsError, variable
from transfer.wiring.audit import audit_sealer
from transfer.wiring.case_keys import case_keys, check_master_keys, keyed, master_keys
from transfer.wiring.cores import ForeignCore, cores, foreign_core
from transfer.wiring.regions import regional
from transfer.wiring.retention import retention_policy
from transfer.wiring.sweeping import sweeper_of
from transfer.wiring.traffic import Traffic, destinations_of, traffic_of

_MOMENT_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What both doors, the workers and the command line use."""

    settings: Settings
    clock: Clock
    records: Records
    desk: CaseDesk
    mirror: CaseMirror | None
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
    oversight: Oversight
    tidying: Tidying
    side_files: SideFiles
    traffic: Traffic
    dispatcher: OutboxDispatcher
    worker: RetentionWorker
    deletion_receipts: DeletionReceipts
    account_terms: AccountTermsDesk
    sweeper: Sweeper
    meter: PrometheusMeter
    audit_sealer: AuditSealer
    follow_ups: FollowUps | None
    contacts: Contacts
    keys: CaseKeyRing


class _Waker:
    """Wakes the background workers: the dispatcher at once, the other after a moment.

    A file that is received or removed is told of at once; a round of the retention worker looks at
    more than that, and after many small files one round does for all of them.
    """

    def __init__(self) -> None:
        self._prompt: Callable[[], None] = _nothing
        self._patient: Callable[[], None] = _nothing
        self._waits = False

    def connect(self, *, prompt: Callable[[], None], patient: Callable[[], None]) -> None:
        """Say whom to wake; they are made after what wakes them."""
        self._prompt, self._patient = prompt, patient

    def __call__(self) -> None:
        self._prompt()
        if not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(_MOMENT_SECONDS, self._wake_patient)

    def _wake_patient(self) -> None:
        self._waits = False
        self._patient()


def _nothing() -> None:
    return


class _NoStore:
    """In place of an object store, for whoever works on records alone."""

    def __getattr__(self, name: str) -> NoReturn:
        raise StoreUnavailableError("No object store is connected here.")


def database_url(settings: Settings) -> str:
    """Return where the records are: a file in the folder, unless settings say otherwise."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return f"sqlite:///{ServiceFolder(settings.data).records_path}"


def upload_policy(settings: Settings) -> UploadPolicy:
    """Return the limits and times of uploads."""
    return UploadPolicy(
        plan=PartPlan(base_bytes=settings.part_bytes, equal=settings.equal_parts),
        parallel_parts=settings.parallel_parts,
        max_file_bytes=settings.max_file_bytes,
        max_case_bytes=settings.max_case_bytes,
        lifetime=settings.upload_lifetime,
        longest=settings.upload_max_age,
        lease=settings.upload_lease,
        takeover_grace=settings.takeover_grace,
        flush_interval=settings.flush_interval,
        idle_flush=settings.idle_flush,
        watch_interval=settings.watch_interval,
        takeover_interval=settings.takeover_interval,
        keyed=settings.encrypt_cases,
    )


def token_policy(settings: Settings) -> TokenPolicy:
    """Return how long bearer tokens live."""
    return TokenPolicy(
        lifetime=settings.token_lifetime,
        admin_lifetime=settings.admin_token_lifetime,
        longest=settings.max_token_lifetime,
    )


def session_policy(settings: Settings) -> SessionPolicy:
    """Return how long sessions live."""
    return SessionPolicy(idle=settings.session_idle, lifetime=settings.session_lifetime)


def grants_of(settings: Settings) -> Mapping[Role, frozenset[Action]]:
    """Return what roles may do to their cases here, beside what they may everywhere."""
    if not settings.contacts_issue_accounts:
        return {}
    return {Role.DESIGNATED: frozenset({Action.MANAGE_ACCOUNTS})}


def ban_policy(settings: Settings) -> BanPolicy:
    """Return whom the SFTP door bans."""
    return BanPolicy(
        after=settings.sftp_ban_after,
        lifetime=settings.sftp_ban_lifetime,
        always=settings.sftp_banned_networks,
        never=settings.sftp_trusted_networks,
    )


def notice_of(settings: Settings) -> Notice:
    """Return the warning about sensitive data: the operator's, or our own.

    Raises:
        SettingsError: the file can't be used.
    """
    if settings.warning_file is None:
        return Notice()
    expected = f"{variable('warning_file')}: expected a file of UTF-8 text with some words in it"
    try:
        text = settings.warning_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "not UTF-8"
        raise SettingsError([f"{expected} ({reason})."]) from exc
    if not text.strip() or "\x00" in text:
        raise SettingsError([f"{expected}."])
    return Notice(text)


@asynccontextmanager
async def open_parts(
    settings: Settings, *, store: ObjectStore | None = None, clock: Clock | None = None
) -> AsyncIterator[Parts]:
    """Open the records, which are up to date, and build everything upon them and `store`.

    Without a `store`, whatever needs one raises StoreUnavailableError.

    Raises:
        RecordsUnavailableError: no database there.
        SettingsError: the sealing key, a master key or the case core's files can't be used.
    """
    sealer = Sealer(ServiceFolder(settings.data).sealing_key(settings))
    clock = clock or SystemClock()
    foreign = foreign_core(settings, clock)
    database = await Database.open(database_url(settings), told=destinations_of(settings))
    traffic: Traffic | None = None
    try:
        records = open_records(database)
        if store is not None:
            await check_master_keys(settings, records)
        parts = build_parts(
            settings,
            records=records,
            store=store or cast(ObjectStore, _NoStore()),
            clock=clock,
            sealer=sealer,
            foreign=foreign,
        )
        traffic = parts.traffic
        yield parts
    finally:
        if traffic is not None:
            await traffic.close()
        if foreign is not None:
            await foreign.close()
        await database.close()


def build_parts(
    settings: Settings,
    *,
    records: Records,
    store: ObjectStore,
    clock: Clock,
    sealer: Sealer,
    foreign: ForeignCore | None = None,
) -> Parts:
    """Connect everything that lives in one process."""
    meter = PrometheusMeter()
    keys = case_keys(records, master_keys(settings), clock)
    store = keyed(store, keys)
    embedded = EmbeddedCaseCore(
        records=records, clock=clock, new_id=new_id, reopening=settings.reopening_period
    )
    authority = cores(
        settings, records=records, clock=clock, embedded=embedded, foreign=foreign, meter=meter
    )
    waker, owner = _Waker(), _process_name()
    tools = Tools(
        records=records,
        store=store,
        core=regional(authority.core, settings),
        clock=clock,
        pool=BufferPool(settings.memory_budget_bytes),
        policy=upload_policy(settings),
        new_id=new_id,
        grants=grants_of(settings),
        notice=notice_of(settings),
        wake_worker=waker,
    )
    attempts, bans = Attempts(tools), Bans(tools, ban_policy(settings))
    sessions = Sessions(tools, attempts, session_policy(settings))
    leases = Leases(tools, owner)
    uploads = Uploads(tools, leases)
    traffic = traffic_of(
        settings,
        records=records,
        core=authority.core,
        mirror=authority.mirror,
        clock=clock,
        meter=meter,
        owner=owner,
    )
    signer = ReceiptSigner(sealer.derive(PURPOSE))
    deletion_receipts = DeletionReceipts(
        records=records, core=tools.core, clock=clock, signer=signer
    )
    doubt = LastingDoubt(clock, records.deletions)
    worker = RetentionWorker(
        DeletionTools(
            records=records,
            store=store,
            core=authority.core,
            clock=clock,
            receipts=deletion_receipts,
            keys=keys,
            meter=meter,
        ),
        retention_policy(settings),
        overdue=uploads.tend_overdue,
        doubt=doubt,
    )
    side_files = SideFiles(tools, owner)

    def wake_the_patient() -> None:
        worker.wake()
        side_files.wake()

    waker.connect(prompt=traffic.wake, patient=wake_the_patient)
    return Parts(
        settings=settings,
        clock=clock,
        records=records,
        desk=authority.desk,
        mirror=authority.mirror,
        tools=tools,
        leases=leases,
        uploads=uploads,
        files=Files(tools),
        archives=Archives(tools),
        previews=Previews(tools),
        accounts=Accounts(tools, sealer, settings.account_lifetime, settings.max_accounts_per_case),
        tokens=Tokens(tools, token_policy(settings)),
        events=CaseEvents(tools),
        timelines=Timelines(tools, settings.retention_period),
        attempts=attempts,
        bans=bans,
        visits=Visits(tools),
        sessions=sessions,
        oversight=Oversight(tools, sessions, settings.retention_period),
        tidying=Tidying(tools, sessions, attempts, bans),
        side_files=side_files,
        links=Links(tools, LinkKey(sealer.derive(LINK_PURPOSE)), settings.link_lifetime),
        acknowledgements=Acknowledgements(tools),
        receipts=Receipts(tools, signer),
        deletion_receipts=deletion_receipts,
        account_terms=AccountTermsDesk(tools),
        traffic=traffic,
        dispatcher=traffic.core,
        worker=worker,
        sweeper=sweeper_of(
            settings,
            records=records,
            store=store,
            core=authority.core,
            clock=clock,
            meter=meter,
        ),
        meter=meter,
        audit_sealer=audit_sealer(settings, sealer, records=records, clock=clock, meter=meter),
        # Another case core sees to its cases itself.
        follow_ups=None
        if foreign is not None
        else FollowUps(
            records=records, clock=clock, plan=settings.follow_up_plan, doubts_clock=doubt.holds
        ),
        contacts=Contacts(records=records, clock=clock),
        keys=keys,
    )


def _process_name() -> str:
    """Return what tells this process from all others that share the records."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

"""All that is kept in rows."""

from dataclasses import dataclass

from transfer.ports.bans import BanRecords
from transfer.ports.cases import CaseRecords
from transfer.ports.feed import Feed
from transfer.ports.identity import SignInRecords
from transfer.ports.oversight import OversightRecords
from transfer.ports.people import AccountRecords, TokenRecords
from transfer.ports.receipts import AcknowledgementRecords, ReceiptRecords
from transfer.ports.sessions import AttemptRecords, LaunchRecords, SessionRecords
from transfer.ports.timeline import Timeline
from transfer.ports.tree import FileTree
from transfer.ports.uploads import UploadLedger
from transfer.ports.work import AuditLog, JobQueue, Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All records roles, as one database plays them."""

    uploads: UploadLedger
    tree: FileTree
    cases: CaseRecords
    accounts: AccountRecords
    tokens: TokenRecords
    sessions: SessionRecords
    launches: LaunchRecords
    attempts: AttemptRecords
    bans: BanRecords
    sign_ins: SignInRecords
    jobs: JobQueue
    outbox: Outbox
    audit: AuditLog
    feed: Feed
    timeline: Timeline
    receipts: ReceiptRecords
    acknowledgements: AcknowledgementRecords
    oversight: OversightRecords

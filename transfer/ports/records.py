"""All that is kept in rows."""

from dataclasses import dataclass

from transfer.ports.audit import AuditChain
from transfer.ports.bans import BanRecords
from transfer.ports.case_keys import CaseKeyRecords
from transfer.ports.cases import CaseRecords
from transfer.ports.contacts import ContactRecords
from transfer.ports.feed import Feed
from transfer.ports.identity import SignInRecords
from transfer.ports.inbox import Inbox, ReadingMarks
from transfer.ports.known_cases import KnownCaseRecords
from transfer.ports.outbox import Outbox
from transfer.ports.oversight import OversightRecords
from transfer.ports.people import AccountRecords, TokenRecords
from transfer.ports.receipts import AcknowledgementRecords, ReceiptRecords
from transfer.ports.retention import DeletionRecords, TermsRecords
from transfer.ports.sessions import AttemptRecords, LaunchRecords, SessionRecords
from transfer.ports.timeline import Timeline
from transfer.ports.tree import FileTree
from transfer.ports.upkeep import UpkeepRecords
from transfer.ports.uploads import UploadLedger
from transfer.ports.work import AuditLog, JobQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All records roles, as one database plays them."""

    uploads: UploadLedger
    tree: FileTree
    cases: CaseRecords
    known_cases: KnownCaseRecords
    contacts: ContactRecords
    case_keys: CaseKeyRecords
    accounts: AccountRecords
    tokens: TokenRecords
    sessions: SessionRecords
    launches: LaunchRecords
    attempts: AttemptRecords
    bans: BanRecords
    sign_ins: SignInRecords
    jobs: JobQueue
    outbox: Outbox
    inbox: Inbox
    reading_marks: ReadingMarks
    audit: AuditLog
    audit_chain: AuditChain
    feed: Feed
    timeline: Timeline
    receipts: ReceiptRecords
    acknowledgements: AcknowledgementRecords
    oversight: OversightRecords
    deletions: DeletionRecords
    terms: TermsRecords
    upkeep: UpkeepRecords

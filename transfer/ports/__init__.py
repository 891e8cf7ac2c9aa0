"""What the engine needs from the world, as roles that adapters play.

Every method of a records role is one transaction: all of it happened, or none. Errors are those of
`transfer.core.errors`; besides the ones named, any method of `ObjectStore` may raise
StoreUnavailableError and any of a records role RecordsUnavailableError: retry later.
"""

from transfer.ports.audit import AuditChain, AuditHeads, AuditState, KeptSeal
from transfer.ports.bans import BanRecords
from transfer.ports.case_keys import (
    CaseKeyRecords,
    CaseKeys,
    KeptKey,
    MasterKeys,
    WrappedKey,
)
from transfer.ports.cases import (
    CaseChanges,
    CaseCore,
    CaseDesk,
    CaseEvent,
    CaseMirror,
    CaseRecords,
)
from transfer.ports.clock import Clock
from transfer.ports.contacts import ContactRecords
from transfer.ports.feed import Feed
from transfer.ports.identity import IdentityProvider, PendingSignIn, Redeemed, SignInRecords
from transfer.ports.inbox import CaseInbox, CaseNews, Inbox, ReadingMark, ReadingMarks
from transfer.ports.known_cases import KnownCase, KnownCaseRecords, Learned
from transfer.ports.launches import LaunchKeys, PublicKey
from transfer.ports.metering import Measure, Meter, NoMeter
from transfer.ports.objects import (
    Buffer,
    LentReading,
    ObjectStore,
    Piped,
    PipedReading,
    StoredItem,
    StoredKind,
)
from transfer.ports.outbox import (
    Backlog,
    Destination,
    DropPolicy,
    EventSink,
    Letter,
    LetterSearch,
    Outbox,
    OutgoingEvent,
)
from transfer.ports.oversight import (
    AccountUsage,
    Acknowledged,
    CaseUsage,
    Figures,
    OversightRecords,
    Since,
    Waiting,
    Wording,
)
from transfer.ports.people import AccountRecords, Token, TokenRecords
from transfer.ports.receipts import AcknowledgementRecords, KeptReceipt, ReceiptRecords
from transfer.ports.records import Records
from transfer.ports.retention import (
    DeletionClaim,
    DeletionReceipt,
    DeletionRecords,
    StuckDeletion,
    TermsRecords,
)
from transfer.ports.sessions import (
    AttemptRecords,
    CredentialKind,
    Failures,
    LaunchRecords,
    Method,
    Presented,
    Session,
    SessionRecords,
)
from transfer.ports.timeline import Timeline
from transfer.ports.tree import Comparison, FileTree
from transfer.ports.uploads import (
    Advance,
    Finished,
    Kept,
    Lease,
    LeaseStanding,
    NewUpload,
    UploadLedger,
)
from transfer.ports.work import AuditEvent, AuditLog, Job, JobKind, JobQueue

__all__ = [
    "AccountRecords",
    "AccountUsage",
    "Acknowledged",
    "AcknowledgementRecords",
    "Advance",
    "AttemptRecords",
    "AuditChain",
    "AuditEvent",
    "AuditHeads",
    "AuditLog",
    "AuditState",
    "Backlog",
    "BanRecords",
    "Buffer",
    "CaseChanges",
    "CaseCore",
    "CaseDesk",
    "CaseEvent",
    "CaseInbox",
    "CaseKeyRecords",
    "CaseKeys",
    "CaseMirror",
    "CaseNews",
    "CaseRecords",
    "CaseUsage",
    "Clock",
    "Comparison",
    "ContactRecords",
    "CredentialKind",
    "DeletionClaim",
    "DeletionReceipt",
    "DeletionRecords",
    "Destination",
    "DropPolicy",
    "EventSink",
    "Failures",
    "Feed",
    "Figures",
    "FileTree",
    "Finished",
    "IdentityProvider",
    "Inbox",
    "Job",
    "JobKind",
    "JobQueue",
    "Kept",
    "KeptKey",
    "KeptReceipt",
    "KeptSeal",
    "KnownCase",
    "KnownCaseRecords",
    "LaunchKeys",
    "LaunchRecords",
    "Learned",
    "Lease",
    "LeaseStanding",
    "LentReading",
    "Letter",
    "LetterSearch",
    "MasterKeys",
    "Measure",
    "Meter",
    "Method",
    "NewUpload",
    "NoMeter",
    "ObjectStore",
    "Outbox",
    "OutgoingEvent",
    "OversightRecords",
    "PendingSignIn",
    "Piped",
    "PipedReading",
    "Presented",
    "PublicKey",
    "ReadingMark",
    "ReadingMarks",
    "ReceiptRecords",
    "Records",
    "Redeemed",
    "Session",
    "SessionRecords",
    "SignInRecords",
    "Since",
    "StoredItem",
    "StoredKind",
    "StuckDeletion",
    "TermsRecords",
    "Timeline",
    "Token",
    "TokenRecords",
    "UploadLedger",
    "Waiting",
    "Wording",
    "WrappedKey",
]

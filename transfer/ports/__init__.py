"""What the engine needs from the world, as roles that adapters play.

Every method of a records role is one transaction: all of it happened, or none. Errors are those of
`transfer.core.errors`; besides the ones named, any method of `ObjectStore` may raise
StoreUnavailableError and any of a records role RecordsUnavailableError: retry later.
"""

from transfer.ports.bans import BanRecords
from transfer.ports.cases import CaseCore, CaseDesk, CaseEvent, CaseRecords
from transfer.ports.clock import Clock
from transfer.ports.feed import Feed
from transfer.ports.identity import IdentityProvider, PendingSignIn, Redeemed, SignInRecords
from transfer.ports.launches import LaunchKeys, PublicKey
from transfer.ports.objects import Buffer, ObjectStore, StoredItem, StoredKind
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
from transfer.ports.work import AuditEvent, AuditLog, Job, JobKind, JobQueue, Outbox

__all__ = [
    "AccountRecords",
    "AccountUsage",
    "Acknowledged",
    "AcknowledgementRecords",
    "Advance",
    "AttemptRecords",
    "AuditEvent",
    "AuditLog",
    "BanRecords",
    "Buffer",
    "CaseCore",
    "CaseDesk",
    "CaseEvent",
    "CaseRecords",
    "CaseUsage",
    "Clock",
    "Comparison",
    "CredentialKind",
    "Failures",
    "Feed",
    "Figures",
    "FileTree",
    "Finished",
    "IdentityProvider",
    "Job",
    "JobKind",
    "JobQueue",
    "Kept",
    "KeptReceipt",
    "LaunchKeys",
    "LaunchRecords",
    "Lease",
    "LeaseStanding",
    "Method",
    "NewUpload",
    "ObjectStore",
    "Outbox",
    "OversightRecords",
    "PendingSignIn",
    "Presented",
    "PublicKey",
    "ReceiptRecords",
    "Records",
    "Redeemed",
    "Session",
    "SessionRecords",
    "SignInRecords",
    "Since",
    "StoredItem",
    "StoredKind",
    "Timeline",
    "Token",
    "TokenRecords",
    "UploadLedger",
    "Waiting",
    "Wording",
]

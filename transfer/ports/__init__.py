"""What the engine needs from the world, as roles that adapters play.

Every method of a records role is one transaction: all of it happened, or none. Errors are those of
`transfer.core.errors`; besides the ones named, any method of `ObjectStore` may raise
StoreUnavailableError and any of a records role RecordsUnavailableError: retry later.
"""

from transfer.ports.cases import CaseCore, CaseDesk, CaseEvent, CaseRecords
from transfer.ports.clock import Clock
from transfer.ports.objects import Buffer, ObjectStore, StoredItem, StoredKind
from transfer.ports.people import AccountRecords, Token, TokenRecords
from transfer.ports.records import Records
from transfer.ports.tree import FileTree
from transfer.ports.uploads import Advance, Finished, Lease, LeaseStanding, NewUpload, UploadLedger
from transfer.ports.work import AuditEvent, AuditLog, Job, JobKind, JobQueue, Outbox

__all__ = [
    "AccountRecords",
    "Advance",
    "AuditEvent",
    "AuditLog",
    "Buffer",
    "CaseCore",
    "CaseDesk",
    "CaseEvent",
    "CaseRecords",
    "Clock",
    "FileTree",
    "Finished",
    "Job",
    "JobKind",
    "JobQueue",
    "Lease",
    "LeaseStanding",
    "NewUpload",
    "ObjectStore",
    "Outbox",
    "Records",
    "StoredItem",
    "StoredKind",
    "Token",
    "TokenRecords",
    "UploadLedger",
]

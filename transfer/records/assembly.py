"""All records roles on one database."""

from transfer.ports import Records
from transfer.records.accounts import SqlAccountRecords
from transfer.records.acknowledgements import SqlAcknowledgementRecords
from transfer.records.attempts import SqlAttemptRecords
from transfer.records.audit import SqlAuditLog
from transfer.records.audit_chain import SqlAuditChain
from transfer.records.bans import SqlBanRecords
from transfer.records.case_keys import SqlCaseKeyRecords
from transfer.records.cases import SqlCaseRecords
from transfer.records.contacts import SqlContactRecords
from transfer.records.database import Database
from transfer.records.deletions import SqlDeletionRecords
from transfer.records.feed import SqlFeed
from transfer.records.inbox import SqlInbox, SqlReadingMarks
from transfer.records.jobs import SqlJobQueue
from transfer.records.known_cases import SqlKnownCaseRecords
from transfer.records.launches import SqlLaunchRecords
from transfer.records.outbox import SqlOutbox
from transfer.records.oversight import SqlOversightRecords
from transfer.records.receipts import SqlReceiptRecords
from transfer.records.sessions import SqlSessionRecords
from transfer.records.sign_ins import SqlSignInRecords
from transfer.records.terms import SqlTermsRecords
from transfer.records.timeline import SqlTimeline
from transfer.records.tokens import SqlTokenRecords
from transfer.records.tree import SqlFileTree
from transfer.records.upkeep import SqlUpkeepRecords
from transfer.records.uploads import SqlUploadLedger


def open_records(database: Database) -> Records:
    """Return the records as `database` keeps them; its tables are there already."""
    return Records(
        uploads=SqlUploadLedger(database),
        tree=SqlFileTree(database),
        cases=SqlCaseRecords(database),
        known_cases=SqlKnownCaseRecords(database),
        contacts=SqlContactRecords(database),
        case_keys=SqlCaseKeyRecords(database),
        accounts=SqlAccountRecords(database),
        tokens=SqlTokenRecords(database),
        sessions=SqlSessionRecords(database),
        launches=SqlLaunchRecords(database),
        attempts=SqlAttemptRecords(database),
        bans=SqlBanRecords(database),
        sign_ins=SqlSignInRecords(database),
        jobs=SqlJobQueue(database),
        outbox=SqlOutbox(database),
        inbox=SqlInbox(database),
        reading_marks=SqlReadingMarks(database),
        audit=SqlAuditLog(database),
        audit_chain=SqlAuditChain(database),
        feed=SqlFeed(database),
        timeline=SqlTimeline(database),
        receipts=SqlReceiptRecords(database),
        acknowledgements=SqlAcknowledgementRecords(database),
        oversight=SqlOversightRecords(database),
        deletions=SqlDeletionRecords(database),
        terms=SqlTermsRecords(database),
        upkeep=SqlUpkeepRecords(database),
    )

"""All records roles on one database."""

from transfer.ports import Records
from transfer.records.accounts import SqlAccountRecords
from transfer.records.audit import SqlAuditLog
from transfer.records.cases import SqlCaseRecords
from transfer.records.database import Database
from transfer.records.jobs import SqlJobQueue
from transfer.records.outbox import SqlOutbox
from transfer.records.tokens import SqlTokenRecords
from transfer.records.tree import SqlFileTree
from transfer.records.uploads import SqlUploadLedger


def open_records(database: Database) -> Records:
    """Return the records as `database` keeps them; its tables are there already."""
    return Records(
        uploads=SqlUploadLedger(database),
        tree=SqlFileTree(database),
        cases=SqlCaseRecords(database),
        accounts=SqlAccountRecords(database),
        tokens=SqlTokenRecords(database),
        jobs=SqlJobQueue(database),
        outbox=SqlOutbox(database),
        audit=SqlAuditLog(database),
    )

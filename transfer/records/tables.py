"""The tables. Their history is in migrations/; a test keeps both the same.

Paths are not stored: a file or an upload knows its folder, a folder its parent, so that a rename
is one row whatever hangs below. Names are unique by `name_key`, which two spellings of one name
share; whoever writes to a case's tree holds the lock of the case's row.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from transfer.core.access import Door, Role
from transfer.core.accounts import AccountEnd
from transfer.core.cases import Priority, Status, UpdateKind
from transfer.core.parts import MAX_PART_NUMBER
from transfer.core.uploads import Concat, Direction, UploadState
from transfer.ports import CredentialKind, Destination, JobKind, Method
from transfer.records.columns import SerialNumber, Unsigned64, UtcDateTime, Word

FAILED_SIGN_IN = text(
    "action IN ('token.refused', 'session.refused', 'launch.refused', 'password.refused', "
    "'oidc.refused', 'csrf.refused', 'case.refused', 'sftp.refused')"
)
"""What the audit log has of somebody who didn't get in; literally, as an index is of these."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

cases = Table(
    "cases",
    metadata,
    Column("number", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("status", Word(Status), nullable=False),
    Column("substatus", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("hold_reason", Text),
    Column("hold_placed_by", Text),
    Column("hold_placed_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("purge_started_at", UtcDateTime),
    Column("purged_at", UtcDateTime),
    Column("priority", Word(Priority), nullable=False, server_default=Priority.MEDIUM),
    Column("sold_to", Text),
    Column("close_reason", Text),
    Column("waiting_since", UtcDateTime),
    Column("notices", Integer, nullable=False, server_default="0"),
    Column("noticed_at", UtcDateTime),
    Column("asked_at", UtcDateTime),
    Index(None, "opened_at"),
    Index(None, "closed_at"),
    Index(
        "ix_cases_waiting_since",
        "waiting_since",
        "number",
        sqlite_where=text("waiting_since IS NOT NULL"),
        postgresql_where=text("waiting_since IS NOT NULL"),
    ),
)

case_updates = Table(
    "case_updates",
    metadata,
    Column("sequence", SerialNumber, primary_key=True),
    Column("case_number", Text, ForeignKey("cases.number"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("event_id", Text, unique=True),
    Column("kind", Word(UpdateKind), nullable=False, server_default=UpdateKind.ENTRY),
    Index(None, "case_number", "sequence"),
    sqlite_autoincrement=True,
)

folders = Table(
    "folders",
    metadata,
    Column("id", SerialNumber, primary_key=True),
    Column("case_number", Text, ForeignKey("cases.number"), nullable=False),
    Column("parent_id", BigInteger, ForeignKey("folders.id")),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    UniqueConstraint("parent_id", "name_key"),
    Index(None, "case_number"),
    # NULLs are all different to the constraint above: this one keeps a case to one root.
    Index(
        "uq_folders_root",
        "case_number",
        unique=True,
        sqlite_where=text("parent_id IS NULL"),
        postgresql_where=text("parent_id IS NULL"),
    ),
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_number", Text, ForeignKey("cases.number"), nullable=False),
    Column("folder_id", BigInteger, ForeignKey("folders.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("digest_sha256", LargeBinary),
    Column("digest_crc64nvme", Unsigned64, nullable=False),
    Column("digest_crc32", BigInteger),
    Column("verified", Boolean, nullable=False),
    Column("claimed_sha256", Text),  # or another digest, with its algorithm before it
    Column("direction", Word(Direction), nullable=False),
    Column("door", Word(Door), nullable=False),
    Column("sent_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("modified_at", UtcDateTime, nullable=False),
    Column("content_type", Text),
    UniqueConstraint("folder_id", "name_key"),
    Index(None, "case_number", "created_at", "id"),
    # Tells what cases hold without a look at the rows of their files.
    Index("ix_files_use", "case_number", "size"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_number", Text, ForeignKey("cases.number"), nullable=False),
    Column("folder_id", BigInteger, ForeignKey("folders.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("direction", Word(Direction), nullable=False),
    Column("door", Word(Door), nullable=False),
    Column("sent_by", Text, nullable=False),
    Column("state", Word(UploadState), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("digest_sha256", LargeBinary),
    Column("digest_crc64nvme", Unsigned64, nullable=False),
    Column("digest_crc32", BigInteger),
    Column("next_part_number", Integer, nullable=False),
    Column("object_key", Text),
    Column("multipart_id", Text),
    Column("tail_key", Text),
    Column("tail_size", BigInteger),
    Column("metadata", Text),
    Column("content_type", Text),
    Column("modified_at", UtcDateTime),
    Column("expected_sha256", Text),
    Column("file_id", Text),
    Column("receipt", Text),  # what it says, as it is signed; from the finish on
    Column("replaces", Boolean, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("owner", Text),
    Column("lease_until", UtcDateTime),
    Column("wanted_fence", BigInteger),
    Column("concat", Word(Concat)),
    Column("concat_header", Text),
    CheckConstraint('"offset" >= 0', name="offset"),
    CheckConstraint(
        f"next_part_number BETWEEN 1 AND {MAX_PART_NUMBER + 1}", name="next_part_number"
    ),
    Index(None, "case_number", "state"),
    Index(None, "folder_id", "name_key"),
    Index(None, "state", "expires_at"),
    Index(
        "ix_uploads_concat",
        "concat",
        "state",
        "expires_at",
        sqlite_where=text("concat IS NOT NULL"),
        postgresql_where=text("concat IS NOT NULL"),
    ),
    Index(
        "ix_uploads_file_id",
        "file_id",
        sqlite_where=text("file_id IS NOT NULL"),
        postgresql_where=text("file_id IS NOT NULL"),
    ),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload_id", Text, ForeignKey("uploads.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("crc64nvme", Unsigned64, nullable=False),
)

upload_pieces = Table(
    "upload_pieces",
    metadata,
    Column("upload_id", Text, ForeignKey("uploads.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("piece_id", Text, ForeignKey("uploads.id"), nullable=False),
    Index(None, "piece_id"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public_key", JSON, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("version", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("case_number", Text, ForeignKey("cases.number"), primary_key=True),
    Column("person", Text, primary_key=True),
    Column("version", Text, ForeignKey("notices.version"), primary_key=True),
    Column("acknowledged_at", UtcDateTime, nullable=False),
)

sftp_accounts = Table(
    "sftp_accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_number", Text, ForeignKey("cases.number"), nullable=False),
    Column("username", Text, nullable=False, unique=True),
    Column("password_hash", LargeBinary),
    Column("sealed_password", LargeBinary),
    Column("issued_by", Text, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("end", Word(AccountEnd)),
    Column("label", Text, nullable=False, server_default=""),
    Column("public_keys", JSON, nullable=False, server_default="[]"),
    Column("networks", JSON, nullable=False, server_default="[]"),
    Column("attested_version", Text),
    Column("issue", Integer, nullable=False, server_default="1"),
    Column("sessions", Integer, nullable=False, server_default="0"),
    Column("bytes_received", BigInteger, nullable=False, server_default="0"),
    Column("bytes_sent", BigInteger, nullable=False, server_default="0"),
    Column("last_seen_at", UtcDateTime),
    Column("last_address", Text),
    Index(None, "case_number", "issued_at"),
    Index(None, "end", "expires_at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Word(Role), nullable=False),
    Column("cases", JSON(none_as_null=True)),
    Column("actions", JSON(none_as_null=True)),
    Column("secret_sha256", LargeBinary, nullable=False, unique=True),
    Column("issued_by", Text, nullable=False, server_default="unknown"),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "issued_at", "id"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("state_sha256", LargeBinary, primary_key=True),
    Column("browser_sha256", LargeBinary, nullable=False),
    Column("return_to", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "expires_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("family", Text, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Word(Role), nullable=False),
    Column("case_number", Text),
    Column("subject", Text, nullable=False),
    Column("method", Word(Method), nullable=False),
    Column("address", Text),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "family"),
    Index(None, "case_number"),
    Index(None, "subject"),
    Index(None, "expires_at"),
)

used_launches = Table(
    "used_launches",
    metadata,
    Column("launch", Text, primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "expires_at"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("kind", Word(CredentialKind), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("wait_until", UtcDateTime),
    Index(None, "last_at"),
)

bans = Table(
    "bans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("network", Text, nullable=False, unique=True),
    Column("reason", Text, nullable=False),
    Column("banned_by", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Index(None, "since", "id"),
    Index(None, "until"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", SerialNumber, primary_key=True),
    Column("kind", Word(JobKind), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("run_at", UtcDateTime, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", UtcDateTime),
    Column("error", Text),
    Index(None, "run_at"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", SerialNumber, primary_key=True),
    Column("id", Text, nullable=False),
    Column("destination", Word(Destination), nullable=False, server_default=Destination.CORE),
    Column("type", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Column("drop_id", Text),  # that of the first event of those that are told as one
    Column("failures", Integer, nullable=False),
    Column("refusals", Integer, nullable=False, server_default="0"),  # the last ones, in a row
    Column("run_at", UtcDateTime, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", UtcDateTime),
    Column("error", Text),
    Column("delivered_at", UtcDateTime),
    Column("dead_at", UtcDateTime),
    UniqueConstraint("id", "destination"),
    Index(None, "case_number"),
    # Delivered events stay as a record; the queue is the few that are not.
    Index(
        "ix_outbox_due",
        "run_at",
        sqlite_where=text("delivered_at IS NULL"),
        postgresql_where=text("delivered_at IS NULL"),
    ),
    Index(
        "ix_outbox_undelivered",
        "destination",
        "case_number",
        "sequence",
        sqlite_where=text("delivered_at IS NULL"),
        postgresql_where=text("delivered_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("sequence", SerialNumber, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("case_number", Text),
    Column("subject", Text),
    Column("door", Word(Door)),
    Column("address", Text),
    Column("details", JSON, nullable=False),
    # How its seal sees it: docs/adr/0030.
    Column("format", Integer, nullable=False, server_default="1"),
    Column("salt", LargeBinary),
    Column("commitment", LargeBinary),
    Index(None, "case_number", "sequence"),
    Index(
        "ix_audit_events_refused",
        "at",
        "sequence",
        sqlite_where=FAILED_SIGN_IN,
        postgresql_where=FAILED_SIGN_IN,
    ),
    sqlite_autoincrement=True,
)

"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NO_PARENT = sa.text("parent_id IS NULL")
_UNDELIVERED = sa.text("delivered_at IS NULL")


def upgrade() -> None:
    """Make the tables."""
    _make_cases()
    _make_case_updates()
    _make_folders()
    _make_files()
    _make_uploads()
    _make_upload_parts()
    _make_sftp_accounts()
    _make_tokens()
    _make_jobs()
    _make_outbox()
    _make_audit_events()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("audit_events")
    op.drop_table("outbox")
    op.drop_table("jobs")
    op.drop_table("tokens")
    op.drop_table("sftp_accounts")
    op.drop_table("upload_parts")
    op.drop_table("uploads")
    op.drop_table("files")
    op.drop_table("folders")
    op.drop_table("case_updates")
    op.drop_table("cases")


def _make_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("substatus", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("hold_reason", sa.Text()),
        sa.Column("hold_placed_by", sa.Text()),
        sa.Column("hold_placed_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("purge_started_at", sa.DateTime(timezone=True)),
        sa.Column("purged_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("number", name="pk_cases"),
        sa.UniqueConstraint("id", name="uq_cases_id"),
    )
    op.create_index("ix_cases_closed_at", "cases", ["closed_at"])
    op.create_index("ix_cases_opened_at", "cases", ["opened_at"])


def _make_case_updates() -> None:
    op.create_table(
        "case_updates",
        sa.Column("sequence", _SERIAL, nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_case_updates_case_number_cases"
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_case_updates"),
        sa.UniqueConstraint("event_id", name="uq_case_updates_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_case_updates_case_number_sequence", "case_updates", ["case_number", "sequence"]
    )


def _make_folders() -> None:
    op.create_table(
        "folders",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_folders_case_number_cases"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["folders.id"], name="fk_folders_parent_id_folders"),
        sa.PrimaryKeyConstraint("id", name="pk_folders"),
        sa.UniqueConstraint("parent_id", "name_key", name="uq_folders_parent_id_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_folders_case_number", "folders", ["case_number"])
    op.create_index(
        "uq_folders_root",
        "folders",
        ["case_number"],
        unique=True,
        sqlite_where=_NO_PARENT,
        postgresql_where=_NO_PARENT,
    )


def _make_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("digest_sha256", sa.LargeBinary()),
        sa.Column("digest_crc64nvme", sa.LargeBinary(8), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("sent_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_type", sa.Text()),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_files_case_number_cases"
        ),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name="fk_files_folder_id_folders"),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.UniqueConstraint("folder_id", "name_key", name="uq_files_folder_id_name_key"),
    )
    op.create_index(
        "ix_files_case_number_created_at_id", "files", ["case_number", "created_at", "id"]
    )


def _make_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("sent_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest_sha256", sa.LargeBinary()),
        sa.Column("digest_crc64nvme", sa.LargeBinary(8), nullable=False),
        sa.Column("next_part_number", sa.Integer(), nullable=False),
        sa.Column("object_key", sa.Text()),
        sa.Column("multipart_id", sa.Text()),
        sa.Column("tail_key", sa.Text()),
        sa.Column("tail_size", sa.BigInteger()),
        sa.Column("metadata", sa.Text()),
        sa.Column("content_type", sa.Text()),
        sa.Column("modified_at", sa.DateTime(timezone=True)),
        sa.Column("expected_sha256", sa.Text()),
        sa.Column("file_id", sa.Text()),
        sa.Column("replaces", sa.Boolean(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("wanted_fence", sa.BigInteger()),
        sa.CheckConstraint('"offset" >= 0', name="ck_uploads_offset"),
        sa.CheckConstraint(
            "next_part_number BETWEEN 1 AND 10001", name="ck_uploads_next_part_number"
        ),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_uploads_case_number_cases"
        ),
        sa.ForeignKeyConstraint(["folder_id"], ["folders.id"], name="fk_uploads_folder_id_folders"),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_case_number_state", "uploads", ["case_number", "state"])
    op.create_index("ix_uploads_folder_id_name_key", "uploads", ["folder_id", "name_key"])
    op.create_index("ix_uploads_state_expires_at", "uploads", ["state", "expires_at"])


def _make_upload_parts() -> None:
    op.create_table(
        "upload_parts",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("crc64nvme", sa.LargeBinary(8), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name="fk_upload_parts_upload_id_uploads"
        ),
        sa.PrimaryKeyConstraint("upload_id", "number", name="pk_upload_parts"),
    )


def _make_sftp_accounts() -> None:
    op.create_table(
        "sftp_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary()),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("end", sa.Text()),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_sftp_accounts_case_number_cases"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sftp_accounts"),
        sa.UniqueConstraint("username", name="uq_sftp_accounts_username"),
    )
    op.create_index(
        "ix_sftp_accounts_case_number_issued_at", "sftp_accounts", ["case_number", "issued_at"]
    )
    op.create_index("ix_sftp_accounts_end_expires_at", "sftp_accounts", ["end", "expires_at"])


def _make_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text()),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("secret_sha256", name="uq_tokens_secret_sha256"),
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_run_at", "jobs", ["run_at"])


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("sequence", _SERIAL, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("sequence", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["run_at"],
        sqlite_where=_UNDELIVERED,
        postgresql_where=_UNDELIVERED,
    )
    op.create_index(
        "ix_outbox_undelivered",
        "outbox",
        ["case_number", "sequence"],
        sqlite_where=_UNDELIVERED,
        postgresql_where=_UNDELIVERED,
    )


def _make_audit_events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("sequence", _SERIAL, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("door", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_events"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_audit_events_case_number_sequence", "audit_events", ["case_number", "sequence"]
    )

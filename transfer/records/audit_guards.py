"""Whether the triggers that keep the audit log from being changed are as they were made.

By what they do, not by their names: one that never fires is as good as none.
"""

from typing import Any

from sqlalchemy import Connection, text

from transfer.records.rows import AnyRow

_TABLES = ("audit_events", "audit_seals")
_REFUSAL = "the audit log is append-only"
_SAME = ("sequence", "at", "action", "case_number", "door", "format")
_ERASES = " AND ".join(
    (
        *(f"NEW.{name} IS OLD.{name}" for name in _SAME),
        "OLD.salt IS NOT NULL AND NEW.salt IS NULL",
        "OLD.commitment IS NULL AND NEW.commitment IS NOT NULL",
        "(NEW.actor = OLD.actor OR NEW.actor = '(erased)')",
        "(NEW.subject IS NULL OR NEW.subject IS OLD.subject)",
        "NEW.address IS NULL",
    )
)

_SQLITE = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
_POSTGRES = text(
    "SELECT t.tgname AS name, t.tgrelid::regclass::text AS of_table, t.tgtype AS kind,"
    " t.tgqual IS NOT NULL AS has_condition, f.prosrc AS body"
    " FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid"
    " WHERE t.tgenabled IN ('O', 'A')"
    " AND t.tgrelid IN ('audit_events'::regclass, 'audit_seals'::regclass)"
)
_KINDS = {"update": 0b10011, "delete": 0b1011, "truncate": 0b100010}
"""Before each row, before each row, and before the statement, as PostgreSQL keeps that."""


def missing_guards(connection: Connection) -> int:
    """Return how many triggers are gone, switched off or other than they were made."""
    if connection.dialect.name == "sqlite":
        expected: dict[str, Any] = _on_sqlite()
        present = {row.name: row.sql for row in connection.execute(_SQLITE)}
    else:
        expected = _on_postgresql()
        present = {row.name: _made(row) for row in connection.execute(_POSTGRES)}
    return sum(present.get(name) != made for name, made in expected.items())


def _on_sqlite() -> dict[str, str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    found = {}
    for table in _TABLES:
        unless = f"WHEN NOT ({_ERASES}) " if table == "audit_events" else ""
        update, delete = f"{table}_no_update", f"{table}_no_delete"
        found[update] = f"CREATE TRIGGER {update} BEFORE UPDATE ON {table} {unless}{refuse}"
        found[delete] = f"CREATE TRIGGER {delete} BEFORE DELETE ON {table} {refuse}"
    return found


def _on_postgresql() -> dict[str, tuple[str, int, bool, str]]:
    body = f" BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END "
    return {
        # What the condition of the one that has one says, PostgreSQL spells as it likes.
        f"{table}_no_{way}": (table, kind, (table, way) == ("audit_events", "update"), body)
        for table in _TABLES
        for way, kind in _KINDS.items()
    }


def _made(row: AnyRow) -> tuple[str, int, bool, str]:
    return (row.of_table, row.kind, row.has_condition, row.body)

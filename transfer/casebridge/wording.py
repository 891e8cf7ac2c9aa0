"""What people read in a case's history about what happened here."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transfer.core.accounts import AccountEnd
from transfer.core.uploads import Direction
from transfer.ports import CaseEvent

AUTHOR = "Case Transfer"
"""Who is named as the author of what the service did by itself."""

_LONGEST_NAME = 160
_MOST_FILES = 100
"""Of one drop, listed in one entry. What there is more is in the case's list."""

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_KIB = 1024


def shown_size(size: int) -> str:
    """Return a number of bytes as people write it: `1.2 MiB`."""
    if size < _KIB:
        return f"{size} byte" if size == 1 else f"{size} bytes"
    value, unit = size / _KIB, 0
    while round(value, 1) >= _KIB and unit < len(_UNITS) - 1:
        value, unit = value / _KIB, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"


def shown_name(name: str) -> str:
    """Return a file's name or path so that it can't pass for another, nor break a line.

    Characters that aren't seen, or turn the text's direction, are named instead; a very long name
    loses its middle.
    """
    shown = "".join(map(_shown_character, name))
    if len(shown) <= _LONGEST_NAME:
        return shown
    half = (_LONGEST_NAME - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"


def author_of(event: CaseEvent) -> str:
    """Return who did what `event` tells of."""
    for key in ("sent_by", "actor"):
        if name := event.data.get(key):
            return shown_name(str(name))
    return AUTHOR


def text_of(event: CaseEvent) -> str | None:
    """Return the entry that `event` makes in the case's history, None if people needn't know."""
    describe = _TEXTS.get(event.type)
    return None if describe is None else describe(event.data)


def _shown_character(character: str) -> str:
    # Other (control, format, surrogate, private, unassigned) and the two that break lines.
    category = unicodedata.category(character)
    if category.startswith("C") or category in ("Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character


# An event may come from another release: a text is made of what it has, never refused.


def _file_received(data: Mapping[str, Any]) -> str:
    shared = data.get("direction") == Direction.SHARED_WITH_CUSTOMER
    happened = "File shared with the customer" if shared else "File received"
    facts = []
    if isinstance(size := data.get("size"), int):
        facts.append(shown_size(size))
    if digest := data.get("sha256"):
        facts.append(f"SHA-256 {digest}")
    if data.get("verified"):
        facts.append("verified")
    known = f" ({', '.join(facts)})" if facts else ""
    return f"{happened}{_by_door(data)}: {_name_in(data, 'path')}{known}"


def _files_received(data: Mapping[str, Any]) -> str:
    """Return one entry for the files of a drop, with the digest of each that has room."""
    files = [file for file in _listed(data.get("files")) if isinstance(file, Mapping)]
    facts = [f"{data.get('count', len(files))} files received{_by_door(data)}"]
    if isinstance(size := data.get("size"), int):
        facts.append(shown_size(size))
    shown = [_file_of_drop(file) for file in files[:_MOST_FILES]]
    if len(files) > _MOST_FILES:
        shown.append(f"and {len(files) - _MOST_FILES} more")
    told = ", ".join(facts)
    return f"{told}: {'; '.join(shown)}" if shown else f"{told}."


def _file_of_drop(file: Mapping[str, Any]) -> str:
    facts = []
    if isinstance(size := file.get("size"), int):
        facts.append(shown_size(size))
    if digest := file.get("sha256"):
        facts.append(f"SHA-256 {digest}")
    if file.get("verified"):
        facts.append("verified")
    known = f" ({', '.join(facts)})" if facts else ""
    return f"{_name_in(file, 'path')}{known}"


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _file_interrupted(data: Mapping[str, Any]) -> str:
    came = ""
    if isinstance(offset := data.get("offset"), int):
        length = data.get("length")
        of = f" of {shown_size(length)}" if isinstance(length, int) else ""
        came = f" after {shown_size(offset)}{of}"
    return f"Upload interrupted{came}: {_name_in(data, 'path')}. It can be continued."


def _digest_mismatch(data: Mapping[str, Any]) -> str:
    return (
        f"{_name_in(data, 'path')} is not what its sender says: "
        f"received SHA-256 {data.get('sha256', '?')}, claimed "
        f"{shown_name(str(data.get('claimed_digest', '?')))}."
    )


def _account_issued(data: Mapping[str, Any]) -> str:
    until = f", good until {data['expires_at']}" if data.get("expires_at") else ""
    return f"SFTP account {_name_in(data, 'username')} issued{until}."


def _account_expired(data: Mapping[str, Any]) -> str:
    return f"SFTP account {_name_in(data, 'username')} expired."


def _account_revoked(data: Mapping[str, Any]) -> str:
    why = ", as the case was closed" if data.get("end") == AccountEnd.CASE_CLOSED else ""
    return f"SFTP account {_name_in(data, 'username')} revoked{why}."


def _account_ended(data: Mapping[str, Any]) -> str:
    why = f" ({data['end']})" if data.get("end") else ""
    return f"SFTP account {_name_in(data, 'username')} ended{why}."


def _deletion_due(data: Mapping[str, Any]) -> str:
    return (
        f"The files of this case will be deleted on {data.get('due_at', 'a day soon')}, unless "
        "it is reopened."
    )


def _data_deleted(_: Mapping[str, Any]) -> str:
    return "All files of this case have been deleted, as its retention period is over."


def _by_door(data: Mapping[str, Any]) -> str:
    return f" by {str(data['door']).upper()}" if data.get("door") else ""


def _name_in(data: Mapping[str, Any], key: str) -> str:
    return shown_name(str(data.get(key, "?")))


_TEXTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "file.received": _file_received,
    "files.received": _files_received,
    "file.shared": _file_received,
    "file.interrupted": _file_interrupted,
    "file.digest-mismatch": _digest_mismatch,
    "account.issued": _account_issued,
    "account.expired": _account_expired,
    "account.revoked": _account_revoked,
    "account.ended": _account_ended,
    "case.deletion-due": _deletion_due,
    "case.purged": _data_deleted,
}

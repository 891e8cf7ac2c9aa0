"""What clients are told of files and folders: attributes, and lines like those of `ls -l`."""

import stat
from datetime import UTC, datetime, timedelta

from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

from transfer.core.names import MAX_COMPONENT_BYTES, is_shared, split
from transfer.core.parts import MAX_FILE_BYTES
from transfer.core.uploads import Entry, Folder, StoredFile
from transfer.engine.files import Usage

_OWNER = "case"
_LATEST_SECOND = 2**32 - 1  # what version 3 has room for
_RECENT = timedelta(days=182)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BLOCK_BYTES = 4096
_MOST_FILES = 2**31


def size_of(entry: Entry) -> int:
    """Return the bytes of `entry` that are here to stay."""
    if isinstance(entry, Folder):
        return 0
    return entry.size if isinstance(entry, StoredFile) else entry.offset


def attributes_of(entry: Entry, size: int | None = None) -> SFTPAttrs:
    """Return the attributes of `entry`; `size` goes before the one that its row tells."""
    is_folder = isinstance(entry, Folder)
    second = _second(_modified_at(entry))
    return SFTPAttrs(
        type=FILEXFER_TYPE_DIRECTORY if is_folder else FILEXFER_TYPE_REGULAR,
        size=size_of(entry) if size is None else size,
        uid=0,
        gid=0,
        permissions=_permissions(is_folder=is_folder, is_read_only=is_shared(entry.path)),
        atime=second,
        mtime=second,
        nlink=1,
    )


def name_of(entry: Entry, now: datetime) -> SFTPName:
    """Return `entry` as an item of its folder's list."""
    name = split(entry.path)[1].encode()
    attributes = attributes_of(entry)
    mode = stat.filemode(attributes.permissions or 0)
    date = _date(_modified_at(entry), now)
    line = f"{mode} {1:>4} {_OWNER:<8} {_OWNER:<8} {attributes.size:>12} {date} ".encode()
    return SFTPName(name, line + name, attributes)


def space_of(usage: Usage) -> SFTPVFSAttrs:
    """Return what `df` is told: what the case may hold yet, or else room for any file at all."""
    used = -(-usage.size_bytes // _BLOCK_BYTES)
    free = 2 * MAX_FILE_BYTES // _BLOCK_BYTES
    if usage.limit_bytes is not None:
        free = max(0, usage.limit_bytes - usage.size_bytes) // _BLOCK_BYTES
    return SFTPVFSAttrs(
        bsize=_BLOCK_BYTES,
        frsize=_BLOCK_BYTES,
        blocks=used + free,
        bfree=free,
        bavail=free,
        files=_MOST_FILES,
        ffree=_MOST_FILES - usage.files,
        favail=_MOST_FILES - usage.files,
        namemax=MAX_COMPONENT_BYTES,
    )


def modified_at_of(attributes: SFTPAttrs) -> datetime | None:
    """Return the modification time that a client sets, None if it doesn't."""
    if attributes.mtime is None:
        return None
    return datetime.fromtimestamp(attributes.mtime, UTC)


def _modified_at(entry: Entry) -> datetime:
    if isinstance(entry, Folder | StoredFile):
        return entry.modified_at
    return entry.modified_at or entry.updated_at


def _second(moment: datetime) -> int:
    return min(max(int(moment.timestamp()), 0), _LATEST_SECOND)


def _permissions(*, is_folder: bool, is_read_only: bool) -> int:
    if is_folder:
        return stat.S_IFDIR | (0o555 if is_read_only else 0o755)
    return stat.S_IFREG | (0o444 if is_read_only else 0o644)


def _date(moment: datetime, now: datetime) -> str:
    day = f"{_MONTHS[moment.month - 1]} {moment.day:>2}"
    if now - _RECENT < moment <= now:
        return f"{day} {moment:%H:%M}"
    return f"{day} {moment.year:>5}"

"""The records of a zip archive as bytes: stored files, Unix attributes, names in UTF-8.

Everything is in the records themselves and nothing behind a file's data, so each one's size is
known before its CRC-32 is. Sizes and offsets of 4 GiB and more go into zip64 fields, only where
they are needed.

Source: APPNOTE.TXT 6.3.10; the extended timestamp field is Info-ZIP's.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

_WIDE = 0xFFFFFFFF
_MANY = 0xFFFF
_IN_UTF_8 = 1 << 11
_MADE_BY_UNIX = 3 << 8
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_STORED = 0
_FILE_ATTRIBUTES = 0o100644 << 16
_FOLDER_ATTRIBUTES = 0o040755 << 16 | 0x10
_ZIP64_FIELD, _TIME_FIELD = 0x0001, 0x5455
_MODIFICATION_TIME_ONLY = 1

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_ZIP64_END = struct.Struct("<IQHHIIQQQQ")
_ZIP64_LOCATOR = struct.Struct("<IIQI")
_FIELD = struct.Struct("<HH")
_TIME = struct.Struct("<HHBi")

_FIRST_DOS_MOMENT = datetime(1980, 1, 1, tzinfo=UTC)
_LAST_DOS_MOMENT = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder of an archive; a folder's name ends with a slash.

    `modified_seconds` counts from 1970 in UTC.
    """

    name: bytes
    size: int
    modified_seconds: int

    @property
    def is_folder(self) -> bool:
        """Whether it holds others and no bytes."""
        return self.name.endswith(b"/")


def local_header_size(member: Member) -> int:
    """Return how many bytes stand before a member's data."""
    return _LOCAL.size + len(member.name) + len(_local_fields(member))


def local_header(member: Member, crc32: int) -> bytes:
    """Return what stands before a member's data."""
    fields = _local_fields(member)
    size = min(member.size, _WIDE)
    time, date = _dos_time(member.modified_seconds)
    head = _LOCAL.pack(
        0x04034B50,
        _ZIP64_VERSION if member.size >= _WIDE else _PLAIN_VERSION,
        _IN_UTF_8,
        _STORED,
        time,
        date,
        crc32,
        size,
        size,
        len(member.name),
        len(fields),
    )
    return head + member.name + fields


def central_record_size(member: Member, offset: int) -> int:
    """Return how many bytes a member has in the directory."""
    return _CENTRAL.size + len(member.name) + len(_central_fields(member, offset))


def central_record(member: Member, offset: int, crc32: int) -> bytes:
    """Return a member's record in the directory; `offset` is where its local header is."""
    fields = _central_fields(member, offset)
    size = min(member.size, _WIDE)
    time, date = _dos_time(member.modified_seconds)
    needs_zip64 = max(member.size, offset) >= _WIDE
    head = _CENTRAL.pack(
        0x02014B50,
        _MADE_BY_UNIX | _ZIP64_VERSION,
        _ZIP64_VERSION if needs_zip64 else _PLAIN_VERSION,
        _IN_UTF_8,
        _STORED,
        time,
        date,
        crc32,
        size,
        size,
        len(member.name),
        len(fields),
        0,
        0,
        0,
        _FOLDER_ATTRIBUTES if member.is_folder else _FILE_ATTRIBUTES,
        min(offset, _WIDE),
    )
    return head + member.name + fields


def ending(count: int, directory_offset: int, directory_size: int) -> bytes:
    """Return what ends an archive of `count` members."""
    plain = _END.pack(
        0x06054B50,
        0,
        0,
        min(count, _MANY),
        min(count, _MANY),
        min(directory_size, _WIDE),
        min(directory_offset, _WIDE),
        0,
    )
    if count < _MANY and max(directory_size, directory_offset) < _WIDE:
        return plain
    wide = _ZIP64_END.pack(
        0x06064B50,
        _ZIP64_END.size - 12,  # counted from behind this very number
        _MADE_BY_UNIX | _ZIP64_VERSION,
        _ZIP64_VERSION,
        0,
        0,
        count,
        count,
        directory_size,
        directory_offset,
    )
    locator = _ZIP64_LOCATOR.pack(0x07064B50, 0, directory_offset + directory_size, 1)
    return wide + locator + plain


def _local_fields(member: Member) -> bytes:
    wide = [member.size, member.size] if member.size >= _WIDE else []
    return _zip64_field(wide) + _time_field(member)


def _central_fields(member: Member, offset: int) -> bytes:
    wide = [member.size, member.size] if member.size >= _WIDE else []
    if offset >= _WIDE:
        wide.append(offset)
    return _zip64_field(wide) + _time_field(member)


def _zip64_field(values: list[int]) -> bytes:
    if not values:
        return b""
    return _FIELD.pack(_ZIP64_FIELD, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)


def _time_field(member: Member) -> bytes:
    """Return the exact time, in seconds and UTC, where 32 bits can hold it."""
    seconds = member.modified_seconds
    if not -(1 << 31) <= seconds < 1 << 31:
        return b""
    return _TIME.pack(_TIME_FIELD, _TIME.size - _FIELD.size, _MODIFICATION_TIME_ONLY, seconds)


def _dos_time(modified_seconds: int) -> tuple[int, int]:
    """Return a time as DOS counted it: in two seconds, from 1980 to 2107."""
    moment = datetime.fromtimestamp(modified_seconds, UTC)
    moment = min(max(moment, _FIRST_DOS_MOMENT), _LAST_DOS_MOMENT)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    return time, date

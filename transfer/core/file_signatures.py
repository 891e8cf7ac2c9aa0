"""What a file that is no text may be, by its first bytes, and those bytes as a hex dump."""

from dataclasses import dataclass

GZIP = b"\x1f\x8b\x08"

_ROW_BYTES = 16
_ROWS = 16
_PRINTABLE = range(0x20, 0x7F)

_SIGNATURES = (
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, GZIP, "application/gzip"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"BZh", "application/x-bzip2"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (0, b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    (0, b"\x4d\x3c\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (0, b"\x0a\x0d\x0d\x0a", "application/x-pcapng"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (4, b"ftyp", "video/mp4"),
    (8, b"WAVE", "audio/wav"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"MDMP", "application/x-windows-minidump"),
    (0, b"PAGEDU", "application/x-windows-crash-dump"),
    (0, b"ElfFile\x00", "application/x-windows-event-log"),
    (0, b"JAVA PROFILE", "application/x-java-heap-dump"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)
"""Where, which bytes, and the media type that they stand for; what supporters are sent."""


@dataclass(frozen=True, slots=True)
class HexRow:
    """Sixteen bytes from `offset`, in hex and, where they are printable ASCII, as text."""

    offset: int
    hex: str
    text: str


def media_type(sample: bytes) -> str | None:
    """Return what a file that begins with `sample` seems to be, None if nobody can tell."""
    found = (media for at, mark, media in _SIGNATURES if sample[at:].startswith(mark))
    return next(found, None)


def hex_rows(sample: bytes) -> tuple[HexRow, ...]:
    """Return the first bytes of `sample` as rows of a hex dump."""
    starts = range(0, min(len(sample), _ROWS * _ROW_BYTES), _ROW_BYTES)
    return tuple(_row(start, sample[start : start + _ROW_BYTES]) for start in starts)


def _row(offset: int, raw: bytes) -> HexRow:
    text = "".join(chr(byte) if byte in _PRINTABLE else "." for byte in raw)
    return HexRow(offset, raw.hex(" "), text)

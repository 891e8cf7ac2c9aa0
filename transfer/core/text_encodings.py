"""Which encoding a text is in, whether it is a text at all, and its bytes as characters.

Logs are written by many machines: most are UTF-8, some UTF-16 from Windows, some in an old code
page, and some change their mind from line to line.
"""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from enum import StrEnum


class Encoding(StrEnum):
    """An encoding whose line feeds can be found without decoding what is between them."""

    UTF_8 = "utf-8"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    UTF_32_LE = "utf-32-le"
    UTF_32_BE = "utf-32-be"
    WINDOWS_1250 = "windows-1250"
    WINDOWS_1251 = "windows-1251"
    WINDOWS_1252 = "windows-1252"
    ISO_8859_15 = "iso-8859-15"
    SHIFT_JIS = "shift_jis"
    EUC_JP = "euc-jp"
    EUC_KR = "euc-kr"
    GB18030 = "gb18030"
    BIG5 = "big5"

    @property
    def unit_bytes(self) -> int:
        """How many bytes belong together."""
        return _UNIT_BYTES.get(self, 1)

    @property
    def line_feed(self) -> bytes:
        """What ends a line."""
        return "\n".encode(self)


_UNIT_BYTES = {
    Encoding.UTF_16_LE: 2,
    Encoding.UTF_16_BE: 2,
    Encoding.UTF_32_LE: 4,
    Encoding.UTF_32_BE: 4,
}

_MARKS = (
    (BOM_UTF8, Encoding.UTF_8),
    (BOM_UTF32_LE, Encoding.UTF_32_LE),  # before UTF-16's, with which it begins
    (BOM_UTF32_BE, Encoding.UTF_32_BE),
    (BOM_UTF16_LE, Encoding.UTF_16_LE),
    (BOM_UTF16_BE, Encoding.UTF_16_BE),
)

_CONTROLS = bytes(set(range(0x20)) - set(b"\b\t\n\f\r\x1b"))
_MOST_CONTROLS = 0.02
_MANY_ZEROS, _FEW_ZEROS = 0.3, 0.05
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SECOND_BYTE_MASK, _SECOND_BYTE, _LONGEST_UTF_8 = 0xC0, 0x80, 4


def detect(sample: bytes) -> Encoding | None:
    """Return the encoding of the text that begins with `sample`, None if it is none."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if b"\0" in sample:
        return _by_zeros(sample)
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > len(sample) * _MOST_CONTROLS:
        return None
    decoded = _without_cut_end(sample).decode(Encoding.UTF_8, "replace")
    wrong = decoded.count(_REPLACEMENT)
    right = sum(character > "\x7f" for character in decoded) - wrong if wrong else 0
    return Encoding.UTF_8 if right >= wrong else Encoding.WINDOWS_1252


def mark_bytes(sample: bytes, encoding: Encoding) -> int:
    """Return how many bytes at the beginning of `sample` only tell the encoding."""
    marks = (mark for mark, of in _MARKS if of is encoding)
    return next((len(mark) for mark in marks if sample.startswith(mark)), 0)


def decode(raw: bytes, encoding: Encoding) -> str:
    """Return `raw` as characters, whatever is in it.

    A line that isn't the UTF-8 of its neighbours is taken for Windows-1252, as most such are.
    """
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        if encoding is not Encoding.UTF_8:
            return raw.decode(encoding, "replace")
    return "\n".join(_stray_line(line) for line in raw.split(b"\n"))


def last_line_end(raw: bytes | bytearray, encoding: Encoding, end: int) -> int:
    """Return where the last line that ends before `end` does; 0 if none does."""
    unit, line_feed = encoding.unit_bytes, encoding.line_feed
    found = raw.rfind(line_feed, 0, end)
    while found > 0 and found % unit:
        found = raw.rfind(line_feed, 0, found + len(line_feed) - 1)
    return found + len(line_feed) if found >= 0 else 0


def first_line_end(raw: bytes, encoding: Encoding, start: int = 0) -> int:
    """Return where the line at `start`, which is at a unit's edge, ends; 0 if it doesn't."""
    unit, line_feed = encoding.unit_bytes, encoding.line_feed
    found = raw.find(line_feed, start)
    while found >= 0 and (found - start) % unit:
        found = raw.find(line_feed, found + 1)
    return found + len(line_feed) if found >= 0 else 0


def character_edge(raw: bytes | bytearray, encoding: Encoding, end: int) -> int:
    """Return `end`, or a little less: where `raw`, which is longer, is cut between characters."""
    if encoding is Encoding.UTF_8:
        for edge in range(end, max(-1, end - _LONGEST_UTF_8), -1):
            if raw[edge] & _SECOND_BYTE_MASK != _SECOND_BYTE:
                return edge
    return end - end % encoding.unit_bytes


def _by_zeros(sample: bytes) -> Encoding | None:
    """Return the encoding of a sample that has zeros: UTF-16 has them at every other place."""
    pairs = len(sample) // 2
    first, second = sample[0::2].count(0), sample[1::2].count(0)
    if second > pairs * _MANY_ZEROS and first <= pairs * _FEW_ZEROS:
        return Encoding.UTF_16_LE
    if first > pairs * _MANY_ZEROS and second <= pairs * _FEW_ZEROS:
        return Encoding.UTF_16_BE
    return None


def _without_cut_end(sample: bytes) -> bytes:
    """Return `sample` without a character at its end that may go on behind it."""
    for back in range(1, min(_LONGEST_UTF_8, len(sample)) + 1):
        if sample[-back] & _SECOND_BYTE_MASK != _SECOND_BYTE:
            return sample[:-back] if sample[-back] >= _SECOND_BYTE_MASK else sample
    return sample


def _stray_line(line: bytes) -> str:
    try:
        return line.decode(Encoding.UTF_8)
    except UnicodeDecodeError:
        return line.decode(Encoding.WINDOWS_1252, "replace")

"""Lines of a text as people are shown them: numbered, of bounded length, with nothing invisible."""

from dataclasses import dataclass

from transfer.core.text_encodings import Encoding, decode, first_line_end, last_line_end

MAX_SHOWN = 2000
"""How many characters of a line are shown."""

_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) != "\t"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), ord("\N{REPLACEMENT CHARACTER}")),
}
"""Control characters as Unicode draws them: they steer neither a browser nor a terminal."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or as much of it as is shown; its number counts from 1, None if nobody counted.

    Every second one of `parts` is what was looked for; together they are the text.
    """

    number: int | None
    parts: tuple[str, ...]
    is_cut: bool = False

    @property
    def is_match(self) -> bool:
        """Whether something was looked for, and is in it."""
        return len(self.parts) > 1

    @property
    def text(self) -> str:
        """The text."""
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that follow each other, of `size` bytes; what follows them begins in `next_number`."""

    lines: tuple[Line, ...]
    size: int
    next_number: int


def visible(text: str) -> str:
    """Return `text` with pictures in place of control characters."""
    return text if text.isprintable() else text.translate(_PICTURES)


def shown_line(number: int | None, text: str) -> Line:
    """Return the line `text`, of which the end may be left out."""
    text = text.removesuffix("\r")
    return Line(number, (visible(text[:MAX_SHOWN]),), is_cut=len(text) > MAX_SHOWN)


def first_lines(raw: bytes, encoding: Encoding, *, limit: int, number: int) -> Lines:
    """Return up to `limit` lines from the beginning of `raw`, the first of which has `number`."""
    lines: list[Line] = []
    start = 0
    while start < len(raw) and len(lines) < limit:
        end = first_line_end(raw, encoding, start)
        text = decode(raw[start : end or len(raw)], encoding)
        lines.append(shown_line(number, text.removesuffix("\n")))
        number += 1 if end else 0
        start = end or len(raw)
    return Lines(tuple(lines), start, number)


def last_lines(
    raw: bytes, encoding: Encoding, *, limit: int, number: int | None
) -> tuple[Line, ...]:
    """Return up to `limit` lines from the end of `raw`, whose first line has `number`, if known."""
    ends_line = last_line_end(raw, encoding, len(raw)) == len(raw)
    texts = decode(raw, encoding).split("\n")
    if ends_line:
        texts.pop()
    left_out = max(0, len(texts) - limit)
    first = None if number is None else number + left_out
    return tuple(
        shown_line(None if first is None else first + index, text)
        for index, text in enumerate(texts[left_out:])
    )

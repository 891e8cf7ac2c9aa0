"""Search in a text of any length, a block at a time: lines that match, and some around them.

A block ends with a line, except where a line is longer than a block. What is looked for is found
across such cuts too.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transfer.core.errors import InvalidRequestError
from transfer.core.text_lines import MAX_SHOWN, Line, shown_line, visible

LONGEST_NEEDLE = 200
MOST_CONTEXT = 10

_LEAD = 200
"""How many characters are shown before a match that is far behind in its line."""

_MOST_SHOWN = 1 << 20
"""How many characters are shown in all: long lines fill a page before they are many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for in each line, and how many lines around a match, and matches, to show."""

    needle: str
    ignore_case: bool = False
    context: int = 0
    limit: int = 100

    def __post_init__(self) -> None:
        """Refuse what no line can have.

        Raises:
            InvalidRequestError: nothing, too much, or a line break is looked for.
        """
        if not 1 <= len(self.needle) <= LONGEST_NEEDLE:
            raise InvalidRequestError(f"Look for 1 to {LONGEST_NEEDLE} characters.")
        if any(character in self.needle for character in "\r\n\x00"):
            raise InvalidRequestError("Look for text within one line.")
        if not 0 <= self.context <= MOST_CONTEXT:
            raise InvalidRequestError(f"context is a number from 0 to {MOST_CONTEXT}.")

    def folded(self, text: str) -> str:
        """Return `text` as it is compared."""
        return text.casefold() if self.ignore_case else text

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where in `text` the needle is, from the first character to the one behind it."""
        needle, folded = self.folded(self.needle), self.folded(text)
        places: list[int] | range = range(len(text))
        if len(folded) != len(text):  # some characters become several, like ß
            places = [place for place, one in enumerate(text) for _ in self.folded(one)]
        end = 0
        found = folded.find(needle)
        while found >= 0:
            behind = found + len(needle)
            if places[found] >= end:
                end = places[behind - 1] + 1
                yield places[found], end
            found = folded.find(needle, behind)


class Search:
    """Goes through a text from the line `line` on.

    Lines before `from_line` are looked at for context only, those up to `shown` were shown already.
    """

    def __init__(
        self, wanted: Wanted, *, line: int = 1, from_line: int = 1, shown: int = 0
    ) -> None:
        self._wanted = wanted
        self._needle = wanted.folded(wanted.needle)
        self._line = line
        self._from_line = from_line
        self._shown = shown
        self._before: deque[tuple[int, str]] = deque(maxlen=wanted.context)
        self._after = 0
        self._carry = ""
        self._found: list[Line] = []
        self._matches = 0
        self._room = _MOST_SHOWN

    @property
    def found(self) -> tuple[Line, ...]:
        """The lines to show: those that match, with those around them."""
        return tuple(self._found)

    @property
    def line(self) -> int:
        """The number of the line that comes next, or goes on."""
        return self._line

    @property
    def from_line(self) -> int:
        """The first line that wasn't searched."""
        return self._from_line

    @property
    def shown(self) -> int:
        """The last line that was shown."""
        return self._shown

    @property
    def is_full(self) -> bool:
        """Whether there are as many matches as were wanted, or as fit."""
        return self._is_enough and not self._after

    @property
    def _is_enough(self) -> bool:
        return self._matches >= self._wanted.limit or self._room <= 0

    def scan(self, text: str) -> None:
        """Search what comes next, to its end or until there are enough matches."""
        lines = text.split("\n")
        unfinished = lines.pop()
        every = [*lines, unfinished] if unfinished else lines
        if self._needle in self._wanted.folded(self._carry + text):
            searched = self._look_at_each(every)
        else:
            self._pass_over(every)
            searched = len(every)
        self._from_line = max(self._from_line, self._line + min(searched, len(lines)))
        self._line += len(lines)
        whole = unfinished if lines else self._carry + unfinished
        self._carry = whole[max(0, len(whole) - len(self._needle) + 1) :] if unfinished else ""

    def _pass_over(self, lines: Sequence[str]) -> None:
        """Go past lines without a match; a few of them may be wanted around one."""
        for index, text in enumerate(lines[: self._after]):
            self._show_after(self._line + index, text)
        first = max(0, len(lines) - self._wanted.context)
        self._before.extend((self._line + i, lines[i]) for i in range(first, len(lines)))

    def _look_at_each(self, lines: Sequence[str]) -> int:
        """Look for matches, and return how many lines were searched until there were enough."""
        for index, text in enumerate(lines):
            number = self._line + index
            whole = text if index else self._carry + text
            matches = number >= self._from_line and self._needle in self._wanted.folded(whole)
            if matches and self._is_enough:
                self._after = 0  # it is to be the first of the next ones
                return index
            if matches:
                self._show_match(number, whole)
            elif self._after:
                self._show_after(number, text)
            else:
                self._before.append((number, text))
            if self.is_full:
                return index + 1
        return len(lines)

    def _show_match(self, number: int, text: str) -> None:
        for earlier, context in self._before:
            if earlier > self._shown:
                self._show(shown_line(earlier, context))
        self._before.clear()
        self._show(self._matching_line(number, text.removesuffix("\r")))
        self._matches += 1
        self._after = self._wanted.context

    def _show_after(self, number: int, text: str) -> None:
        self._show(shown_line(number, text))
        self._after -= 1

    def _show(self, line: Line) -> None:
        self._found.append(line)
        self._room -= len(line.text)
        self._shown = line.number or 0

    def _matching_line(self, number: int, text: str) -> Line:
        """Return the line with its matches apart; of a long line, what is around the first."""
        start = 0
        if len(text) > MAX_SHOWN:
            start = max(0, next(self._wanted.spans(text))[0] - _LEAD)
        piece = text[start : start + MAX_SHOWN]
        parts: list[str] = []
        end = 0
        for first, behind in self._wanted.spans(piece):
            parts += [piece[end:first], piece[first:behind]]
            end = behind
        shown = tuple(visible(part) for part in (*parts, piece[end:]))
        return Line(number, shown, is_cut=len(piece) < len(text))

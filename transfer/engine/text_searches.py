"""A search that goes through a text chunk by chunk, and knows from where to go on later."""

from collections.abc import Iterable
from dataclasses import replace

from transfer.core.text_blocks import Block, BlockCutter
from transfer.core.text_encodings import decode
from transfer.core.text_lines import Line
from transfer.core.text_search import Search, Wanted
from transfer.engine.text_places import TextPlace


class TextSearch:
    """What was found so far, and from where to go on."""

    def __init__(self, wanted: Wanted, place: TextPlace) -> None:
        self._place = place
        self._start = place.position
        self._cutter = BlockCutter(place.encoding, place.position)
        self._search = Search(wanted, line=place.line, from_line=place.from_line, shown=place.shown)

    @property
    def found(self) -> tuple[Line, ...]:
        """The lines to show."""
        return self._search.found

    @property
    def place(self) -> TextPlace:
        """From where to go on."""
        return self._place

    @property
    def is_ahead(self) -> bool:
        """Whether going on from there is further than where this one began."""
        return self._place.position > self._start

    def take(self, chunk: bytes) -> bool:
        """Search what comes next; whether that is enough."""
        return self._scan(self._cutter.cut(chunk))

    def take_rest(self) -> bool:
        """Search what is left at the end; whether there may be more."""
        return self._scan(self._cutter.rest(), is_end=True)

    def _scan(self, blocks: Iterable[Block], *, is_end: bool = False) -> bool:
        search = self._search
        for block in blocks:
            line, text = search.line, decode(block.raw, self._place.encoding)
            search.scan(f"{text}\n" if is_end and not text.endswith("\n") else text)
            # The next request sees this block again, for what is around a match in the next one.
            is_long_line = search.line == line
            self._place = replace(
                self._place,
                position=block.end if is_long_line else block.start,
                line=line,
                from_line=search.from_line,
                shown=search.shown,
            )
            if search.is_full:
                return True
        return False

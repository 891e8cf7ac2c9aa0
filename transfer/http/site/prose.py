"""Plain text as people write it, taken apart for a page: a heading, paragraphs, lists."""

from dataclasses import dataclass

_LONGEST_HEADING = 100
_BULLETS = ("- ", "* ")
_ENDS_OF_SENTENCES = (".", ":", ";", "!")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or a list of `items`."""

    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prose:
    """A text; without a heading, if its first line is none."""

    heading: str | None
    blocks: tuple[Block, ...]


def prose(text: str) -> Prose:
    """Return `text` taken apart; blank lines are between its blocks."""
    chunks = [chunk for chunk in _chunks(text) if chunk]
    if chunks and len(chunks[0]) == 1 and _is_heading(chunks[0][0]):
        return Prose(chunks[0][0], tuple(map(_block, chunks[1:])))
    return Prose(None, tuple(map(_block, chunks)))


def _chunks(text: str) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    for line in text.splitlines():
        stripped = line.strip()
        if stripped:
            chunks[-1].append(stripped)
        else:
            chunks.append([])
    return chunks


def _is_heading(line: str) -> bool:
    is_item = line.startswith(_BULLETS)
    return not is_item and len(line) <= _LONGEST_HEADING and not line.endswith(_ENDS_OF_SENTENCES)


def _block(lines: list[str]) -> Block:
    if not lines[0].startswith(_BULLETS):
        return Block(text=" ".join(lines))
    items: list[str] = []
    for line in lines:
        if line.startswith(_BULLETS):
            items.append(line[2:].strip())
        else:
            items[-1] = f"{items[-1]} {line}"  # an item that goes on in the next line
    return Block(items=tuple(items))

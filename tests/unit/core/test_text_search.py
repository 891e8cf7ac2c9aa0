"""Search in blocks: what is found is what a look at every line would find."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transfer.core.errors import InvalidRequestError
from transfer.core.text_blocks import BLOCK_BYTES, BlockCutter
from transfer.core.text_encodings import Encoding, decode
from transfer.core.text_lines import MAX_SHOWN
from transfer.core.text_search import LONGEST_NEEDLE, Search, Wanted

Shown = list[tuple[int | None, bool, str]]


def shown(search: Search) -> Shown:
    return [(line.number, line.is_match, line.text) for line in search.found]


def grep(lines: list[str], needle: str, context: int) -> Shown:
    """Return what a search of all lines at once shows."""
    hits = {i for i, line in enumerate(lines) if needle.casefold() in line.casefold()}
    near = {j for i in hits for j in range(i - context, i + context + 1)}
    return [(i + 1, i in hits, line) for i, line in enumerate(lines) if i in near]


lines_of_logs = st.lists(st.text("abAB ß\t", max_size=6), max_size=25)


@given(lines_of_logs, st.lists(st.integers(1, 4), max_size=12), st.integers(0, 3))
@example(["a", "b", "a"], [1, 1, 1], 1)
def test_what_matches_is_shown_with_what_is_around_it(
    lines: list[str], cuts: list[int], context: int
) -> None:
    search = Search(Wanted(needle="a", ignore_case=True, context=context))
    rest = list(lines)
    for size in cuts:
        block, rest = rest[:size], rest[size:]
        search.scan("".join(f"{line}\n" for line in block))
    ending = "\n" if rest and not rest[-1] else ""  # nothing at the end is no line
    search.scan("\n".join(rest) + ending)
    assert shown(search) == grep(lines, "a", context)


@given(lines_of_logs, st.integers(1, 3), st.integers(0, 3), st.integers(1, 9))
def test_pages_together_are_the_whole(
    lines: list[str], limit: int, context: int, size: int
) -> None:
    blocks = [lines[start : start + size] for start in range(0, len(lines), size)]
    together: Shown = []
    place, from_line, last = 0, 1, 0
    for _ in range(2 * len(lines) + 2):
        wanted = Wanted(needle="a", ignore_case=True, context=context, limit=limit)
        search = Search(wanted, line=place * size + 1, from_line=from_line, shown=last)
        for index in range(place, len(blocks)):
            place = index
            search.scan("".join(f"{line}\n" for line in blocks[index]))
            if search.is_full:
                break
        together += shown(search)
        assert sum(is_match for _, is_match, _ in shown(search)) <= limit
        from_line, last = search.from_line, search.shown
        if not search.is_full:
            break
    expected = grep(lines, "a", context)
    assert [one for one in together if one[1]] == [one for one in expected if one[1]]
    numbers = [number for number, _, _ in together]
    assert numbers == sorted(set(numbers), key=lambda number: number or 0)
    assert {one for one in together if not one[1]} <= {one for one in expected if not one[1]}


def found(text: str, needle: str, *, ignore_case: bool = True) -> tuple[str, ...]:
    search = Search(Wanted(needle=needle, ignore_case=ignore_case))
    search.scan(text)
    return search.found[0].parts if search.found else ()


@pytest.mark.parametrize(
    ("text", "needle", "parts"),
    [
        ("an ERROR, error\r\n", "Error", ("an ", "ERROR", ", ", "error", "")),
        ("aaaa", "aa", ("", "aa", "", "aa", "")),
        ("Straße", "STRASSE", ("", "Straße", "")),
        ("ßs", "s", ("", "ß", "", "s", "")),
        ("x\x1bERRORy", "error", ("x␛", "ERROR", "y")),
        ("İx i̇x", "x", ("İ", "x", " i̇", "x", "")),
    ],
)
def test_matches_are_told_apart_within_a_line(
    text: str, needle: str, parts: tuple[str, ...]
) -> None:
    assert found(text, needle) == parts


def test_case_counts_where_that_is_wanted() -> None:
    assert found("ERROR", "error", ignore_case=False) == ()
    assert found("an error", "error", ignore_case=False) == ("an ", "error", "")


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_match_is_found_across_the_blocks_of_a_long_line(cut: int) -> None:
    text = "..needle.."
    search = Search(Wanted(needle="needle"))
    search.scan("first\n" + text[:cut])
    search.scan(text[cut:])
    search.scan("\nlast")
    assert [line.number for line in search.found] == [2]
    assert search.line == 3


def test_a_match_at_the_end_of_a_block_is_found_once() -> None:
    search = Search(Wanted(needle="aa"))
    for piece in ("xaa", "bxx", "a", "a", "x\n"):
        search.scan(piece)
    assert [line.parts for line in search.found] == [("x", "aa", ""), ("", "aa", "")]


def test_of_a_long_line_what_is_around_the_first_match_is_shown() -> None:
    search = Search(Wanted(needle="needle"))
    search.scan("x" * 5000 + "needle" + "y" * 5000)
    (line,) = search.found
    assert line.is_cut
    assert len(line.text) == MAX_SHOWN
    assert line.parts[0] == "x" * 200


def test_context_stops_at_the_match_that_begins_the_next_page() -> None:
    search = Search(Wanted(needle="a", context=3, limit=1))
    search.scan("a\nb\na\nb\n")
    assert (search.is_full, search.from_line, search.shown) == (True, 3, 2)


def test_long_lines_fill_a_page_before_there_are_many() -> None:
    search = Search(Wanted(needle="a", limit=10_000))
    line = "a" * MAX_SHOWN + "\n"
    for _ in range(100):
        search.scan(line * 100)
        if search.is_full:
            break
    assert 500 <= len(search.found) <= 530
    assert search.from_line == len(search.found) + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"needle": ""},
        {"needle": "x" * (LONGEST_NEEDLE + 1)},
        {"needle": "a\nb"},
        {"needle": "\x00"},
        {"needle": "a", "context": 11},
        {"needle": "a", "context": -1},
    ],
)
def test_what_no_line_can_have_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError):
        Wanted(**wrong)  # type: ignore[arg-type] # wrong on purpose


# ── Blocks ───────────────────────────────────────────────────────────────────────────────────


def blocks_of(raw: bytes, encoding: Encoding, chunk: int) -> list[bytes]:
    cutter = BlockCutter(encoding, 3)
    blocks = [
        block
        for start in range(0, len(raw), chunk)
        for block in cutter.cut(raw[start : start + chunk])
    ]
    blocks += cutter.rest()
    position = 3
    for block in blocks:
        assert block.start == position
        position = block.end
    return [block.raw for block in blocks]


@pytest.mark.parametrize("encoding", [Encoding.UTF_8, Encoding.UTF_16_BE])
@pytest.mark.parametrize("chunk", [70_001, 1 << 20])
def test_blocks_end_with_lines(encoding: Encoding, chunk: int) -> None:
    text = "".join(f"line {number} äöü\n" for number in range(60_000))
    blocks = blocks_of(text.encode(encoding), encoding, chunk)
    assert "".join(decode(block, encoding) for block in blocks) == text
    assert all(decode(block, encoding).endswith("\n") for block in blocks)
    assert max(map(len, blocks)) <= BLOCK_BYTES


def test_a_line_that_is_longer_than_a_block_is_cut_between_characters() -> None:
    text = "€" * BLOCK_BYTES
    blocks = blocks_of(text.encode(), Encoding.UTF_8, 1 << 20)
    assert len(blocks) == 4
    assert "".join(block.decode() for block in blocks) == text
    assert blocks_of(b"", Encoding.UTF_8, 1) == []

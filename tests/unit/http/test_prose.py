"""Plain text, taken apart for a page."""

import pytest

from transfer.core.notices import DEFAULT_TEXT
from transfer.http.site.prose import Block, Prose, prose


def test_the_warning_has_a_heading_paragraphs_and_a_list() -> None:
    taken = prose(DEFAULT_TEXT)
    assert taken.heading == "Before you send files to Customer Care"
    assert [len(block.items) for block in taken.blocks] == [0, 0, 4, 0]
    assert taken.blocks[2].items[0] == "passwords, private keys and access tokens;"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("", Prose(None, ())),
        ("\n \n", Prose(None, ())),
        ("A sentence.", Prose(None, (Block("A sentence."),))),
        ("- an item", Prose(None, (Block(items=("an item",)),))),
        ("x" * 101, Prose(None, (Block("x" * 101),))),
        ("two\nlines", Prose(None, (Block("two lines"),))),
        ("Heading\n\n\nText", Prose("Heading", (Block("Text"),))),
        ("Head\r\n\r\n* a\r\n  b\r\n- c", Prose("Head", (Block(items=("a b", "c")),))),
    ],
)
def test_blank_lines_part_blocks_and_dashes_make_lists(text: str, taken: Prose) -> None:
    assert prose(text) == taken

from struct import Struct

from hypothesis import given
from hypothesis import strategies as st

from transfer.sftp.inbox import Inbox

FIELDS = Struct(">IB")


def test_an_empty_one_gives_nothing() -> None:
    inbox = Inbox()
    inbox.add(memoryview(b""))
    assert inbox.unpack(FIELDS) is None
    assert bytes(inbox.piece(5)) == b""


def test_fields_across_pieces_are_put_together_and_stay() -> None:
    inbox = Inbox()
    for piece in (b"x", b"\0\0", b"\1", b"\2\7rest"):
        inbox.add(memoryview(piece))
    inbox.skip(1)
    assert inbox.unpack(FIELDS) == (0x00000102, 7)
    assert inbox.unpack(FIELDS) == (0x00000102, 7)
    inbox.skip(5)
    assert bytes(inbox.piece(100)) == b"rest"


@given(st.lists(st.binary(max_size=12), max_size=12), st.data())
def test_what_comes_in_pieces_goes_out_in_order(pieces: list[bytes], data: st.DataObject) -> None:
    inbox, whole, at = Inbox(), b"".join(pieces), 0
    for piece in pieces:
        lent = bytearray(piece)
        inbox.add(memoryview(lent))
        if data.draw(st.booleans()):
            inbox.keep()
            lent[:] = bytes(len(lent))  # its owner has other use for it
    while at < len(whole):
        assert inbox.size == len(whole) - at
        fields = inbox.unpack(FIELDS)
        begin = whole[at : at + FIELDS.size]
        assert fields == (FIELDS.unpack(begin) if len(begin) == FIELDS.size else None)
        some = bytes(inbox.piece(data.draw(st.integers(1, 20))))
        assert some
        assert some == whole[at : at + len(some)]
        step = data.draw(st.integers(1, len(whole) - at))
        inbox.skip(step)
        at += step
        if data.draw(st.booleans()):
            inbox.keep()
    assert inbox.size == 0


def test_a_piece_is_copied_once_however_long_it_stays() -> None:
    inbox = Inbox()
    for piece in (b"first", b"second"):
        inbox.add(memoryview(piece))
        inbox.keep()
    kept = inbox.piece(100).obj
    inbox.keep()
    assert inbox.piece(100).obj is kept
    inbox.skip(5)
    inbox.add(memoryview(b"third"))
    inbox.keep()
    inbox.skip(6)
    assert bytes(inbox.piece(100)) == b"third"

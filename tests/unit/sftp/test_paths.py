import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.errors import InvalidNameError
from transfer.core.names import components, parse_path
from transfer.sftp.paths import case_path, sent_path


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"", ""),
        (b".", ""),
        (b"/", ""),
        (b"//", ""),
        (b"..", ""),
        (b"/../..", ""),
        (b"a/b", "a/b"),
        (b"/a//b/", "a/b"),
        (b"//a", "a"),
        (b"a/./b/../c", "a/c"),
        (b"../../a", "a"),
        (b"...", "..."),
        ("für/alle".encode(), "für/alle"),
    ],
)
def test_a_path_means_one_below_the_case(sent: bytes, meant: str) -> None:
    assert case_path(sent) == meant
    assert case_path(sent_path(case_path(sent))) == meant


@given(st.binary(max_size=60) | st.text("ab./\\\0\n", max_size=60).map(str.encode))
def test_any_bytes_are_a_path_below_the_case_or_refused(sent: bytes) -> None:
    try:
        path = case_path(sent)
    except InvalidNameError:
        return
    assert not {"", ".", ".."} & set(components(path))
    assert parse_path(path) == path
    assert sent_path(path).startswith(b"/")

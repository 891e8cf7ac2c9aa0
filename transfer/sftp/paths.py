"""Paths as SFTP clients send them, and as the case knows them."""

import posixpath

from transfer.core.errors import EntryMissingError, InvalidNameError
from transfer.core.names import CasePath, parse_path


def case_path(sent: bytes) -> CasePath:
    """Return the path inside the case that a client means.

    Relative paths start at the case, which is its own parent, as the root of any file system is:
    no path leads out of it.

    Raises:
        InvalidNameError: not UTF-8, too long, or with characters that no name may have.
    """
    try:
        text = sent.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidNameError("A name is sent as UTF-8: set the client to UTF-8.") from exc
    return parse_path(posixpath.normpath("/" + text))


def sent_path(path: CasePath) -> bytes:
    """Return `path` as clients see it: from the root."""
    return f"/{path}".encode()


def home_path(sent: bytes) -> bytes:
    """Return a path with its `~`, if any, taken for what it stands for: the case.

    Raises:
        EntryMissingError: the home of somebody else.
    """
    head, slash, rest = sent.partition(b"/")
    if not head.startswith(b"~"):
        return sent
    if head != b"~":
        raise EntryMissingError("There is no home but one's own.")
    return slash + rest or b"/"

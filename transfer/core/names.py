"""Names and paths inside a case.

A path is relative, its components joined by "/". It lives in rows only: it never becomes part of
an object key or of a path of the operating system. Two names that Unicode deems the same (NFC and
NFD) are one; names that differ in case are two.
"""

import unicodedata
from typing import NewType

from transfer.core.errors import ForbiddenError, InvalidNameError

CasePath = NewType("CasePath", str)
"""A path inside a case, like `logs/node1/trace.log`; the empty string is the case itself."""

ROOT = CasePath("")
SHARED_FOLDER = "shared"
"""The folder, in each case, of what Customer Care shares with the customer."""

MAX_COMPONENT_BYTES = 255
MAX_PATH_BYTES = 4096


def parse_path(text: str) -> CasePath:
    """Return `text` as a path inside a case, as sent but for a leading or trailing "/".

    Raises:
        InvalidNameError: it climbs out, is too long, or has a component that can't be a name.
    """
    trimmed = text.strip("/")
    if not trimmed:
        return ROOT
    if len(_encoded(trimmed)) > MAX_PATH_BYTES:
        raise InvalidNameError(f"A path has at most {MAX_PATH_BYTES} bytes.")
    for component in trimmed.split("/"):
        check_component(component)
    return CasePath(trimmed)


def check_component(name: str) -> None:
    """Raise unless `name` can name one file or folder.

    Raises:
        InvalidNameError: empty, a dot name, too long, or with characters that no name may have.
    """
    if not name:
        raise InvalidNameError("A path has no empty component: remove the doubled slash.")
    if name in (".", ".."):
        raise InvalidNameError("A path does not contain . or .. components.")
    if "/" in name:
        raise InvalidNameError("A name has no slash.")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise InvalidNameError("A name has no control characters: rename the file, then send it.")
    if len(_encoded(name)) > MAX_COMPONENT_BYTES:
        raise InvalidNameError(f"A name has at most {MAX_COMPONENT_BYTES} bytes in UTF-8.")


def name_key(name: str) -> str:
    """Return what two spellings of one name have in common: its NFC form."""
    return unicodedata.normalize("NFC", name)


def split(path: CasePath) -> tuple[CasePath, str]:
    """Return the folder of `path` and its last component.

    Raises:
        InvalidNameError: `path` is the root.
    """
    if path == ROOT:
        raise InvalidNameError("The case itself is not a file.")
    folder, _, name = path.rpartition("/")
    return CasePath(folder), name


def join(folder: CasePath, name: str) -> CasePath:
    """Return the path of `name` in `folder`."""
    return CasePath(f"{folder}/{name}" if folder else name)


def components(path: CasePath) -> list[str]:
    """Return the components of `path`, none for the root."""
    return path.split("/") if path else []


def is_shared(path: CasePath) -> bool:
    """Whether `path` is the shared folder or inside it."""
    return bool(path) and name_key(components(path)[0]) == SHARED_FOLDER


def check_writable(path: CasePath, *, is_staff: bool) -> None:
    """Raise unless this side may write at `path`: each has its own part of the case.

    Raises:
        ForbiddenError: a customer writes only outside the shared folder, staff only inside it.
    """
    if is_shared(path) and not is_staff:
        raise ForbiddenError("What Customer Care has shared can be read, not changed.")
    if is_staff and not is_shared(path):
        raise ForbiddenError(f"Customer Care shares files under {SHARED_FOLDER}/ only.")


def numbered(name: str, number: int) -> str:
    """Return `name` with a number before its extension: `trace (2).log`.

    The result still has at most 255 bytes; the stem is cut for that, on a character's edge.
    """
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    suffix = f" ({number}){dot}{extension}"
    room = MAX_COMPONENT_BYTES - len(_encoded(suffix))
    if room < 1:
        stem, suffix = name, f" ({number})"
        room = MAX_COMPONENT_BYTES - len(_encoded(suffix))
    return _encoded(stem)[:room].decode("utf-8", "ignore") + suffix


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidNameError("A name is valid Unicode: it is sent as UTF-8.") from exc

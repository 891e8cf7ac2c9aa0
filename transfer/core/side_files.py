"""Side files: small files that tell the digests of others, as `sha256sum` and its like write them.

A file's own one is named after it, `trace.log.sha256`; a list tells of many, `SHA256SUMS`. A file's
own one may leave out the name, or tell one that its sender's machine knew the file by.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from transfer.core.errors import InvalidNameError
from transfer.core.names import CasePath, parse_path

MAX_SIDE_FILE_BYTES = 4 * 1024 * 1024
"""Beyond that a file is taken for something else of that name."""

ALGORITHM_OF_DIGITS = {
    32: "md5",
    40: "sha1",
    56: "sha224",
    64: "sha256",
    96: "sha384",
    128: "sha512",
}
"""What a digest is by, as its number of hexadecimal digits tells."""

_OWN = re.compile(
    r"(.+)\.(?:(?:md5|sha1|sha224|sha256|sha384|sha512)(?:sum)?)(?:\.txt)?", re.IGNORECASE
)
_LIST = re.compile(
    r"(?:(?:md5|sha1|sha224|sha256|sha384|sha512)sums?|checksums?|"
    r"manifest-(?:md5|sha1|sha256|sha512))(?:\.txt)?",
    re.IGNORECASE,
)
_GNU = re.compile(r"(\\?)([0-9a-f]+)[ \t]+\*?(\S.*)", re.IGNORECASE)
_BSD = re.compile(r"(\\?)(?:MD5|SHA[0-9-]+) ?\((.+)\) ?= ?([0-9a-f]+)", re.IGNORECASE)
_DIGEST = re.compile(r"(?<![0-9a-z])[0-9a-f]{32,128}(?![0-9a-z])", re.IGNORECASE)
_DRIVE = re.compile(r"[a-z]:[\\/]", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\nr])")
_UNESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a side file says of one file: its digest, and its path from the side file's folder.

    `otherwise` is the file that is meant if nothing is at `path`.
    """

    path: str
    algorithm: str
    digest: str
    otherwise: str | None = None


def is_side_file(name: str) -> bool:
    """Whether a file of that name tells the digests of others."""
    return bool(_OWN.fullmatch(name) or _LIST.fullmatch(name))


def statements(name: str, content: bytes) -> list[Statement]:
    """Return what the side file `name` says, the last that it says of a path; none if nothing."""
    text = _text(content)
    found = {path: digest for line in text.splitlines() for path, digest in _told(line)}
    own = _OWN.fullmatch(name)
    if own is None or len(found) > 1:
        return [_statement(path, digest) for path, digest in found.items()]
    if found:
        [(path, digest)] = found.items()
        return [_statement(path, digest, otherwise=own[1])]
    digests = {digest for digest in _DIGEST.findall(text) if len(digest) in ALGORITHM_OF_DIGITS}
    return [_statement(own[1], digest) for digest in digests] if len(digests) == 1 else []


def stated_path(folder: CasePath, path: str) -> CasePath | None:
    """Return where in the case `path` is, seen from `folder`; None if it can't be in there."""
    normal = posixpath.normpath(posixpath.join(folder, path))
    if normal == ".":
        return None
    try:
        return parse_path(normal)  # which takes none that begins with ".."
    except InvalidNameError:
        return None


def _statement(path: str, digest: str, otherwise: str | None = None) -> Statement:
    return Statement(path, ALGORITHM_OF_DIGITS[len(digest)], digest.lower(), otherwise)


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # as PowerShell writes them
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _told(line: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the digest of a line, if it tells both."""
    line = line.rstrip()
    if match := _BSD.fullmatch(line):
        mark, path, digest = match.groups()
    elif match := _GNU.fullmatch(line):
        mark, digest, path = match.groups()
    else:
        return
    if len(digest) in ALGORITHM_OF_DIGITS:
        yield _relative(path, is_escaped=bool(mark)), digest


def _relative(path: str, *, is_escaped: bool) -> str:
    """Return a path as it is below the side file: of one from its sender's root, the last name."""
    if is_escaped:
        path = _ESCAPED.sub(lambda match: _UNESCAPED[match[1]], path)
    elif _DRIVE.match(path) or "/" not in path:
        path = path.replace("\\", "/")
    is_absolute = path.startswith("/") or _DRIVE.match(path)
    return posixpath.basename(path) if is_absolute else path

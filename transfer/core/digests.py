"""The SHA-256 of a whole file as its sender tells it: before it is received, or afterwards."""

import base64
import re

from transfer.core.errors import DigestChangedError, DigestMismatchError, InvalidRequestError

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z+/]{43}=")
_BYTES = 32


def parse_sha256(told: str | bytes) -> str:
    """Return a SHA-256 in lower-case hex, whether it was told in hex, in Base64 or as its bytes.

    The three can't be mistaken for each other: they differ in length.

    Raises:
        InvalidRequestError: it isn't one.
    """
    if isinstance(told, bytes) and len(told) == _BYTES:
        return told.hex()
    text = told if isinstance(told, str) else told.decode("ascii", "replace")
    if _HEX.fullmatch(text):
        return text.lower()
    if _BASE64.fullmatch(text):
        return base64.b64decode(text).hex()
    raise InvalidRequestError("A SHA-256 is 64 hexadecimal digits, or its 32 bytes in Base64.")


def check_promise(promised: str | None, sha256: str) -> None:
    """Raise if `sha256` can't be promised now.

    Raises:
        DigestChangedError: another one was promised before.
    """
    if promised is not None and promised != sha256:
        raise DigestChangedError(
            f"The SHA-256 {promised} was promised for this upload, and is not replaced: "
            "cancel the upload if it is wrong, and start a new one."
        )


def check_kept(promised: str | None, sha256: str) -> bool:
    """Return whether a promise was made of a file whose SHA-256 is `sha256`.

    Raises:
        DigestMismatchError: it was, and it isn't kept.
    """
    if promised is not None and promised != sha256:
        raise DigestMismatchError(
            f"The file's SHA-256 is {sha256}, not the one announced: send it again."
        )
    return promised is not None

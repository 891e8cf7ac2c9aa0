"""What goes wrong with S3, in the words of `transfer.core.errors`."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from urllib3.exceptions import HTTPError

from transfer.core.errors import (
    EntryMissingError,
    StoreUnavailableError,
    TransferError,
    UploadGoneError,
)

_MISSING_OBJECT = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})
_MISSING_MULTIPART = frozenset({"NoSuchUpload"})
_DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"})
_PASSING = frozenset(
    {"RequestTimeout", "RequestTimeoutException", "SlowDown", "Throttling", "RequestLimitExceeded"}
)
_PASSING_STATUSES = frozenset({500, 502, 503, 504})
"""With `_PASSING`, what botocore's standard mode tries again, as far as S3 answers it."""


@contextmanager
def translated(*, damaged: type[TransferError] = StoreUnavailableError) -> Iterator[None]:
    """Turn the errors of botocore and of the connection into ours, the cause kept.

    `damaged` is what it means that the store computed another checksum than it was given: of a
    single request, that the bytes suffered on the way and can be sent again.
    """
    try:
        yield
    except ClientError as exc:
        raise error_of_answer(error_code(exc), damaged) from exc
    except ParamValidationError:
        raise  # a mistake of ours: no retry will help
    except (BotoCoreError, HTTPError, OSError) as exc:
        raise no_answer() from exc


def error_code(exc: ClientError) -> str:
    """Return the store's own name of an error; for an answer without a body, its HTTP status."""
    return str(exc.response.get("Error", {}).get("Code", "unknown"))


def no_answer() -> StoreUnavailableError:
    """Return the error for a store that can't be reached, or breaks off."""
    return StoreUnavailableError("The object store does not answer; try again later.")


def is_passing(status: int, code: str) -> bool:
    """Whether an answer asks for another try: busy, slowed down, or broken for the moment."""
    return status in _PASSING_STATUSES or code in _PASSING


def error_of_answer(code: str, damaged: type[TransferError]) -> TransferError:
    """Return our error for the store's name of one; see `translated`."""
    if code in _MISSING_OBJECT:
        return EntryMissingError("The stored bytes are not there.")
    if code in _MISSING_MULTIPART:
        return UploadGoneError("The store no longer knows this upload: begin a new one.")
    if code in _DAMAGED:
        return damaged("The object store found another checksum; nothing was stored.")
    return StoreUnavailableError(f"The object store answered {code}; try again later.")

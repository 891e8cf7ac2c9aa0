"""Keys that go along with requests, for the store to encrypt under and to forget (SSE-C)."""

from base64 import b64encode
from hashlib import md5
from typing import Any

_ALGORITHM = "AES256"
_HEADERS = "x-amz-server-side-encryption-customer-"


def parameters(customer_key: bytes | None) -> dict[str, Any]:
    """Return what a boto3 call about an object needs besides, if that is encrypted."""
    if customer_key is None:
        return {}
    return {"SSECustomerAlgorithm": _ALGORITHM, "SSECustomerKey": customer_key}


def source_parameters(source_key: bytes | None) -> dict[str, Any]:
    """Return what a boto3 call needs besides, if the object that it copies from is encrypted."""
    return {f"CopySource{name}": value for name, value in parameters(source_key).items()}


def headers(customer_key: bytes | None) -> dict[str, str]:
    """Return the same as headers of a request that is made without boto3."""
    if customer_key is None:
        return {}
    checksum = md5(customer_key, usedforsecurity=False)  # what S3 asks for, against slips
    return {
        f"{_HEADERS}algorithm": _ALGORITHM,
        f"{_HEADERS}key": b64encode(customer_key).decode(),
        f"{_HEADERS}key-md5": b64encode(checksum.digest()).decode(),
    }

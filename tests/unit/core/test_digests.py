import base64
import hashlib

import pytest

from transfer.core.digests import check_kept, check_promise, parse_sha256
from transfer.core.errors import DigestChangedError, DigestMismatchError, InvalidRequestError

DIGEST = hashlib.sha256(b"trace")
HEX = DIGEST.hexdigest()
OTHER = "0" * 64


@pytest.mark.parametrize(
    "told",
    [
        HEX,
        HEX.upper(),
        HEX.encode(),
        base64.b64encode(DIGEST.digest()).decode(),
        base64.b64encode(DIGEST.digest()),
        DIGEST.digest(),
    ],
)
def test_a_digest_is_told_in_hex_in_base64_or_as_its_bytes(told: str | bytes) -> None:
    assert parse_sha256(told) == HEX


@pytest.mark.parametrize(
    "told",
    [
        "",
        HEX[1:],
        HEX + "0",
        "g" + HEX[1:],
        " " + HEX[1:],
        "\N{FULLWIDTH DIGIT ZERO}" + HEX[1:],
        base64.b64encode(DIGEST.digest()[1:]).decode(),
        base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        base64.b64encode(DIGEST.digest()).decode().rstrip("="),
        DIGEST.digest()[1:],
        DIGEST.digest() + b"\x00",
        b"\xff" * 64,
    ],
)
def test_anything_else_is_no_digest(told: str | bytes) -> None:
    with pytest.raises(InvalidRequestError, match="64 hexadecimal digits"):
        parse_sha256(told)


def test_the_same_digest_may_be_promised_again_but_no_other() -> None:
    check_promise(None, HEX)
    check_promise(HEX, HEX)
    with pytest.raises(DigestChangedError, match=HEX):
        check_promise(HEX, OTHER)


def test_a_promise_is_kept_or_broken_and_without_one_nothing_is_verified() -> None:
    assert check_kept(HEX, HEX) is True
    assert check_kept(None, HEX) is False
    with pytest.raises(DigestMismatchError, match=HEX):
        check_kept(OTHER, HEX)

"""Signatures of our own are those that botocore makes of the same request."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials

from transfer.storage.s3_customer_keys import headers as key_headers
from transfer.storage.s3_signatures import Signer

NOW = datetime(2026, 3, 2, 23, 59, 30, tzinfo=UTC)
LASTING = ReadOnlyCredentials("access", "secret", None)
PASSING = ReadOnlyCredentials("other", "another secret", "its/token+==")
PLAIN = {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}
ENCRYPTED = {**PLAIN, **key_headers(bytes(range(32)))}


def signature_of_botocore(
    url: str, headers: dict[str, str], credentials: ReadOnlyCredentials, now: datetime
) -> str:
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    given = {**headers, "x-amz-date": moment, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    if credentials.token:
        given["x-amz-security-token"] = credentials.token
    request = AWSRequest("PUT", url, headers=given)
    request.context["timestamp"] = moment
    request.context["client_config"] = Config(s3={"payload_signing_enabled": False})
    signer = S3SigV4Auth(credentials, "s3", "eu-central-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))


@pytest.mark.parametrize("headers", [PLAIN, ENCRYPTED], ids=["plain", "encrypted"])
@pytest.mark.parametrize("credentials", [LASTING, PASSING], ids=["lasting", "passing"])
@pytest.mark.parametrize("host", ["s3.example.com", "127.0.0.1:8333", "[::1]:8333"])
def test_it_is_that_of_botocore(
    host: str, credentials: ReadOnlyCredentials, headers: dict[str, str]
) -> None:
    path = "/bucket/c/a%20case~/upload-1"
    signed = Signer(host, "eu-central-1").signed(path, headers, credentials, NOW)
    expected = signature_of_botocore(f"http://{host}{path}", headers, credentials, NOW)
    assert signed["authorization"].endswith(f"Signature={expected}")
    assert headers.items() <= signed.items()


@pytest.mark.parametrize("multipart_id", ["id-1", "2~a/b+c=d e&f", "ä"])
def test_that_of_a_part_is_botocore_s_too(multipart_id: str) -> None:
    host, path = "s3.example.com", "/bucket/key"
    query = f"partNumber=12&uploadId={quote(multipart_id, safe='~')}"
    signed = Signer(host, "eu-central-1").signed(path, PLAIN, LASTING, NOW, query)
    expected = signature_of_botocore(f"http://{host}{path}?{query}", PLAIN, LASTING, NOW)
    assert signed["authorization"].endswith(f"Signature={expected}")


def test_the_key_is_that_of_the_day_and_of_the_credentials() -> None:
    signer = Signer("s3.example.com", "eu-central-1")
    for credentials in (LASTING, PASSING, LASTING):
        for now in (NOW, NOW + timedelta(minutes=1)):
            signed = signer.signed("/bucket/key", PLAIN, credentials, now)
            url = "https://s3.example.com/bucket/key"
            expected = signature_of_botocore(url, PLAIN, credentials, now)
            assert signed["authorization"].endswith(f"Signature={expected}")

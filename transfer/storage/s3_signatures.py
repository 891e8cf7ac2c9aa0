"""Signatures of PUTs: AWS Signature Version 4, as botocore's signer makes it.

That one reads each request anew, and derives the day's key for each; with small objects this was
half of what a PUT costs. The host, the region and what is never signed are the same for all here.

Source: AWS, "Create a signed AWS API request"; botocore, S3SigV4Auth.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from botocore.credentials import ReadOnlyCredentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
"""The store checks the body by its CRC64NVME, which is signed."""


class Signer:
    """Signs requests to one host of S3."""

    def __init__(self, host: str, region: str) -> None:
        self._host = host
        self._region = region
        self._key_of = ("", "")
        self._key = b""

    def signed(
        self,
        path: str,
        headers: Mapping[str, str],
        credentials: ReadOnlyCredentials,
        now: datetime,
        query: str = "",
    ) -> dict[str, str]:
        """Return the headers of a PUT to `path`, as it is sent: `headers` and what signs them.

        `headers` have names in lower case, and values without spaces at their ends or in a row;
        `query` is sorted by its names.
        """
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        day = moment[:8]
        signed = {
            **headers,
            "host": self._host,
            "x-amz-content-sha256": _UNSIGNED,
            "x-amz-date": moment,
        }
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = sorted(signed)
        listed = ";".join(names)
        lines = [f"{name}:{signed[name]}\n" for name in names]
        request = f"PUT\n{path}\n{query}\n{''.join(lines)}\n{listed}\n{_UNSIGNED}"
        scope = f"{day}/{self._region}/s3/aws4_request"
        digest = sha256(request.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}"
        key = self._day_key(credentials.secret_key or "", day)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _day_key(self, secret_key: str, day: str) -> bytes:
        if self._key_of != (secret_key, day):
            key = f"AWS4{secret_key}".encode()
            for word in (day, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, word.encode(), "sha256")
            self._key_of, self._key = (secret_key, day), key
        return self._key

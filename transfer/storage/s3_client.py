"""How the S3 store is reached: its settings, and clients made from them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client  # installed with the tests only


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Where the store is, who we are there, and how much may be under way at once.

    No `endpoint_url` means AWS. No keys means what botocore finds by itself, such as the role of
    the machine. `ca_file` holds the certificates to trust in place of the public ones.
    `assembly_timeout_seconds` is for what a store does alone: to copy up to 5 GiB, to put parts
    together.
    """

    bucket: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    write_threads: int = 16
    small_connections: int = 32
    read_threads: int = 16
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0
    assembly_timeout_seconds: float = 900.0
    attempts: int = 3


def make_client(
    settings: S3Settings, session: Session, *, read_timeout_seconds: float, connections: int
) -> "S3Client":
    """Return a client that leaves checksums to us and never hashes a body to sign it.

    The payload stays unsigned also without TLS: what protects it is the CRC64NVME of every
    request, which the store checks. A client may be used from many threads, its session only from
    one; further clients of a session cost a tenth of the first.
    """
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=read_timeout_seconds,
        max_pool_connections=connections,
        tcp_keepalive=True,
        proxies={},  # not those of the environment: only settings.py may read that
    )
    return session.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        verify=settings.ca_file,
        config=config,
    )


def credentials_of(settings: S3Settings, session: Session) -> Credentials | None:
    """Return who we are at the store, as a client of `session` finds out; None if nobody says."""
    if settings.access_key and settings.secret_key:
        return Credentials(settings.access_key, settings.secret_key)
    return session.get_credentials()

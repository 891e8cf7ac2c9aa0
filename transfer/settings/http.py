"""What an operator may set of the HTTP door."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, Field

from transfer.settings.types import Networks, Origins, Span, SpanOrNothing, Url


class HttpSettings(BaseModel):
    """By which name and through which proxies it is reached, and what it bears."""

    plain_http: bool = Field(default=False, description="true behind a proxy that speaks TLS")
    public_url: Url | None = Field(
        None, description="the URL that people use, like https://transfer.example.com"
    )
    trusted_proxies: Networks = Field(
        (), description="addresses or networks of proxies, like 10.0.0.5, 192.0.2.0/24"
    )
    forwarded_by: Literal["x-forwarded", "forwarded"] = Field(
        "x-forwarded", description="x-forwarded or forwarded: what those proxies send"
    )
    cors_origins: Origins = Field(
        (), description="origins of other sites' pages, like https://portal.example.com"
    )
    hsts_max_age: SpanOrNothing = Field(
        timedelta(days=365), description="a duration, like 365d; 0s not to say so"
    )
    max_connections: int = Field(4096, ge=1, description="a number of HTTP connections, 1 or more")
    max_connections_per_client: int = Field(
        512, ge=1, description="a number of HTTP connections from one address, 1 or more"
    )
    max_requests_per_client: int = Field(
        256, ge=1, description="a number of requests at once from one client, 1 or more"
    )
    max_requests_per_case: int = Field(
        512, ge=1, description="a number of customers' requests at once for a case, 1 or more"
    )
    http_idle_timeout: Span = Field(timedelta(seconds=60), description="a duration, like 60s")
    http_min_bytes_per_second: ByteSize = Field(
        ByteSize(1024), description="what a sender must reach, like 1KiB; 0 for any"
    )
    tls_cert_file: Path | None = Field(None, description="a PEM file with the chain, leaf first")
    tls_key_file: Path | None = Field(None, description="a PEM file with the certificate's key")
    allow_redirect_downloads: bool = Field(
        default=False, description="true where clients can reach the S3 store's URL themselves"
    )
    redirect_lifetime: Annotated[Span, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = (
        Field(timedelta(seconds=60), description="a duration from 1s to 1h, like 60s")
    )

"""What an operator may set of the case core: which one it is, and how it is reached."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from transfer.settings.types import Span, TrustedUrl

CASE_CORE_NEEDS = {
    "case_core_token_file": "case_core_url",
    "case_core_ca_file": "case_core_url",
}
"""Which of these settings mean nothing without another."""


class CaseCoreSettings(BaseModel):
    """The case core: our own, or another system's."""

    case_core: Literal["embedded", "rest", "roundup"] = Field(
        "embedded", description="embedded, rest or roundup: who the authority on cases is"
    )
    case_core_url: TrustedUrl | None = Field(
        None, description="the https URL of the case core's API, like https://cases.example.com/v1"
    )
    case_core_token_file: Path | None = Field(
        None, description="a file with the bearer token by which the case core knows this service"
    )
    case_core_ca_file: Path | None = Field(
        None, description="a PEM file with the certificates to trust for the case core"
    )
    case_core_timeout: Annotated[
        Span, Field(ge=timedelta(milliseconds=100), le=timedelta(seconds=8))
    ] = Field(timedelta(seconds=5), description="a duration from 100ms to 8s, like 5s")
    case_core_answer_lifetime: Annotated[
        Span, Field(ge=timedelta(seconds=1), le=timedelta(minutes=5))
    ] = Field(timedelta(seconds=10), description="a duration from 1s to 5m, like 10s")


def case_core_faults(settings: CaseCoreSettings) -> list[str]:
    """Return the names of those that are wrong together."""
    is_foreign = settings.case_core != "embedded"
    if is_foreign != (settings.case_core_url is not None):
        return ["case_core_url" if is_foreign else "case_core"]
    if settings.case_core == "rest" and settings.case_core_token_file is None:
        return ["case_core_token_file"]
    return []

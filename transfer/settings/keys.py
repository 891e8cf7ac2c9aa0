"""What an operator may set of the encryption of what is stored, under a key a case."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from transfer.core.identity import is_trusted_url

_SOURCE = re.compile(r"(file|command):.+")


def _sources(value: object) -> tuple[str, ...]:
    """Parse sources of master keys: a list of TOML, or text with commas."""
    listed: Iterable[object] = value if isinstance(value, list | tuple) else str(value).split(",")
    sources = tuple(text for one in listed if (text := str(one).strip()))
    if not all(_SOURCE.fullmatch(source) for source in sources):
        raise ValueError("neither file: nor command:")
    if len(set(sources)) < len(sources):
        raise ValueError("one of them twice")
    return sources


MasterKeySources = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_sources)]


class KeySettings(BaseModel):
    """Whether what is stored is encrypted here, and by what the keys are kept."""

    encrypt_cases: bool = Field(
        default=False, description="true to encrypt what comes in, under a key of its case"
    )
    master_keys: MasterKeySources = Field(
        (),
        description=(
            "what wraps the keys of cases, the newest first: file:PATH of 32 random bytes, or "
            "command:PATH of a program that asks a KMS"
        ),
    )

    @property
    def master_key_sources(self) -> list[tuple[str, Path]]:
        """The sources of master keys, the newest first, as kind and path."""
        parts = [source.partition(":") for source in self.master_keys]
        return [(kind, Path(path)) for kind, _, path in parts]


def key_faults(settings: KeySettings, store_url: str | None) -> list[str]:
    """Find what doesn't go together; `store_url` is None of the embedded store."""
    faults = []
    if settings.encrypt_cases and not settings.master_keys:
        faults.append(
            "TRANSFER_MASTER_KEYS: missing, as TRANSFER_ENCRYPT_CASES is set. "
            f"Expected: {KeySettings.model_fields['master_keys'].description}."
        )
    # Whoever has master keys reads what was encrypted before, and sends keys along for that.
    has_keys = settings.encrypt_cases or bool(settings.master_keys)
    if has_keys and store_url is not None and not is_trusted_url(store_url):
        faults.append(
            "TRANSFER_S3_ENDPOINT_URL: expected an https URL, as TRANSFER_MASTER_KEYS is set and "
            "the keys of cases go along with every request."
        )
    return faults

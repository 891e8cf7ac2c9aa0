"""What an operator may set where there are several regions, each with a deployment of its own."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from transfer.core.errors import InvalidRequestError
from transfer.core.regions import parse_region
from transfer.settings.types import TrustedUrl

REGION_NEEDS = {"region_gateways": "region"}
"""Which of these settings mean nothing without another."""


def _region(value: object) -> str:
    try:
        return parse_region(str(value))
    except InvalidRequestError as exc:
        raise ValueError("not a region's name") from exc


def _gateways(value: object) -> object:
    """Parse gateways: a table of TOML, or text like `us=https://…, apac=https://…`."""
    if isinstance(value, Mapping):
        named = list(value.items())
    else:
        pairs = [one.partition("=") for one in str(value).split(",") if one.strip()]
        named = [(name, url) for name, _, url in pairs]
    gateways = {_region(name): str(url).strip() for name, url in named}
    if len(gateways) < len(named):
        raise ValueError("a region twice")
    return gateways


Region = Annotated[str, BeforeValidator(_region)]
Gateways = Annotated[Mapping[str, TrustedUrl], NoDecode, BeforeValidator(_gateways)]


class RegionSettings(BaseModel):
    """The region that is served here, and where the others are."""

    region: Region | None = Field(
        None, description="the name of the region that is served here, like emea"
    )
    region_gateways: Gateways = Field(
        {}, description="the other regions' https URLs, like us=https://us.example.com, apac=…"
    )

"""What an operator may set of the sweeper, of how old uploads get, and of /metrics."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from transfer.core.sweeping import GRACE
from transfer.core.uploads import LONGEST_UPLOAD
from transfer.settings.types import AddressSetting, Span

_LEAST_GRACE = timedelta(hours=1)
_LONGEST_AGE = timedelta(days=3650)


class UpkeepSettings(BaseModel):
    """How the store is kept in step with the rows, and where that shows."""

    sweep_interval: Span = Field(timedelta(hours=6), description="a duration, like 6h")
    sweep_grace: Annotated[Span, Field(ge=_LEAST_GRACE)] = Field(
        GRACE, description="a duration of 1h or more, like 24h"
    )
    upload_max_age: Annotated[Span, Field(le=_LONGEST_AGE)] = Field(
        LONGEST_UPLOAD, description="a duration of at least upload_lifetime, like 90d"
    )
    metrics_listen: AddressSetting | None = Field(
        None, description="HOST:PORT for /metrics; each further worker takes the next port"
    )


def upkeep_faults(upload_max_age: timedelta, upload_lifetime: timedelta) -> Iterable[str]:
    """Return the settings that are each right, and wrong together."""
    return ["upload_max_age"] if upload_max_age < upload_lifetime else []

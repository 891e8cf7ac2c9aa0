"""What an operator may set of retention."""

from pydantic import BaseModel, Field

from transfer.core.retention import NOTICE, PERIOD
from transfer.settings.types import SpanOrNothing


class RetentionSettings(BaseModel):
    """How long data is kept, when its deletion is announced, and how fast it goes."""

    retention_period: SpanOrNothing = Field(
        PERIOD, description="a duration, like 30d; 0s to delete at closure"
    )
    retention_notice: SpanOrNothing = Field(
        NOTICE, description="a duration, like 7d; 0s for no notice"
    )
    retention_deletes_per_second: int = Field(
        2000, ge=1, le=1_000_000, description="a number of objects a process deletes, 1 or more"
    )

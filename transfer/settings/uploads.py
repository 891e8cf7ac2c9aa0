"""What an operator may set of uploads."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ByteSize, Field

from transfer.core.parts import MAX_PART_BYTES, MIB, MIN_PART_BYTES
from transfer.settings.types import PartBytes, Span


class UploadSettings(BaseModel):
    """How they are cut into parts, how large they get, and how writers change."""

    memory_budget_bytes: ByteSize = Field(
        ByteSize(192 * MIB), ge=32 * MIB, description="memory for parts, 32MiB or more a process"
    )
    part_bytes: PartBytes = Field(
        ByteSize(16 * MIB),
        ge=MIN_PART_BYTES,
        le=MAX_PART_BYTES,
        description="the size of a part to begin with, whole MiB from 5MiB to 5GiB",
    )
    equal_parts: bool = Field(default=False, description="true for a store that wants equal parts")
    parallel_parts: int = Field(
        2, ge=1, le=16, description="how many parts of an upload are sent at once, 1 to 16"
    )
    max_file_bytes: ByteSize | None = Field(None, ge=1, description="the largest file's size")
    max_case_bytes: ByteSize | None = Field(
        None, ge=1, description="what customers may send to a case, like 500GiB"
    )
    upload_lifetime: Span = Field(timedelta(days=7), description="a duration, like 7d")
    upload_lease: Annotated[Span, Field(ge=timedelta(seconds=3))] = Field(
        timedelta(seconds=30), description="a duration of 3s or more"
    )
    takeover_grace: Span = Field(timedelta(seconds=5), description="a duration, like 5s")
    flush_interval: Span = Field(timedelta(seconds=30), description="a duration, like 30s")
    idle_flush: Span = Field(timedelta(seconds=2), description="a duration, like 2s")
    watch_interval: Span = Field(timedelta(seconds=1), description="a duration, like 1s")
    takeover_interval: Span = Field(
        timedelta(milliseconds=250), description="a duration, like 250ms"
    )

"""What an operator may set of the service as a whole."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from transfer.settings.types import AddressSetting
from transfer.values import Address


class GeneralSettings(BaseModel):
    """Where it is, where it listens, and what it says."""

    data: Path = Field(Path("data"), description="the service's folder on this machine")
    workers: int = Field(1, ge=1, le=64, description="a number of processes from 1 to 64")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="json, console, or auto: console on a terminal, json elsewhere"
    )
    http_listen: AddressSetting = Field(
        Address("127.0.0.1", 8443), description="HOST:PORT to listen on for HTTP"
    )
    sftp_listen: AddressSetting = Field(
        Address("127.0.0.1", 2222), description="HOST:PORT to listen on for SFTP"
    )
    warning_file: Path | None = Field(
        None, description="a UTF-8 text file, the same on every node, that customers acknowledge"
    )

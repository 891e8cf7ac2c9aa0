"""What an operator may set of the SFTP door and of the accounts that get in there."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ByteSize, Field

from transfer.core.accounts import LIFETIME as LONGEST_ACCOUNT
from transfer.core.accounts import MOST_OF_A_CASE as MOST_ACCOUNTS
from transfer.core.parts import GIB
from transfer.settings.types import AddressSetting, Networks, Span, SpanOrNothing


class SftpSettings(BaseModel):
    """How it is reached, what it bears, whom it bans, and how long accounts live."""

    sftp_max_connections: int = Field(
        1024, ge=1, description="a number of SFTP connections, 1 or more"
    )
    sftp_max_connections_per_client: int = Field(
        512, ge=1, description="a number of SFTP connections from one address, 1 or more"
    )
    sftp_max_unsigned: int = Field(
        1024, ge=2, description="a number of SFTP connections that haven't signed in, 2 or more"
    )
    sftp_login_timeout: Span = Field(timedelta(seconds=120), description="a duration, like 120s")
    sftp_idle_timeout: SpanOrNothing = Field(
        timedelta(hours=1), description="a duration, like 1h; 0s for ever"
    )
    sftp_keepalive: Span = Field(timedelta(seconds=30), description="a duration, like 30s")
    sftp_banner_file: Path | None = Field(
        None, description="a UTF-8 text file, shown before signing in; an empty one for nothing"
    )
    sftp_ban_after: int = Field(
        20, ge=0, description="a number of sign-ins that failed during a wait; 0 for never"
    )
    sftp_ban_lifetime: Span = Field(timedelta(hours=1), description="a duration, like 1h")
    sftp_banned_networks: Networks = Field(
        (), description="addresses or networks that never get in, like 192.0.2.0/24"
    )
    sftp_trusted_networks: Networks = Field(
        (), description="addresses or networks that are never banned, nor counted, like 10.0.0.0/8"
    )
    public_sftp: AddressSetting | None = Field(
        None, description="HOST:PORT by which people reach the SFTP server"
    )
    sftp_host_keys: Path | None = Field(
        None, description="a folder with the SFTP server's host keys, the same on every node"
    )
    sftp_spool_bytes: ByteSize = Field(
        ByteSize(2 * GIB), description="disk for files sent out of order, like 2GiB a process"
    )
    account_lifetime: Annotated[Span, Field(le=LONGEST_ACCOUNT)] = Field(
        LONGEST_ACCOUNT, description="a duration of at most 120h"
    )
    max_accounts_per_case: int = Field(
        MOST_ACCOUNTS, ge=1, le=1000, description="a number of SFTP accounts at once, 1 to 1000"
    )
    contacts_issue_accounts: bool = Field(
        default=False, description="true if designated contacts may issue SFTP accounts"
    )

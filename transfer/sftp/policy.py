"""What an operator may set of the SFTP server."""

from dataclasses import dataclass, field
from datetime import timedelta

from transfer.sftp.admission import AdmissionPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpPolicy:
    """Limits and times of connections.

    `greeting_timeout` is from the connection to the client's first line, `login_timeout` to the
    end of signing in; `keepalive` between two signs of life, and a client that gives none three
    times in a row is disconnected; `idle_timeout` without any request, None is for ever;
    `stop_grace` for sessions to end. `banner` is shown before signing in, empty is none.
    """

    greeting_timeout: timedelta = timedelta(seconds=10)
    login_timeout: timedelta = timedelta(seconds=120)
    keepalive: timedelta = timedelta(seconds=30)
    idle_timeout: timedelta | None = timedelta(hours=1)
    stop_grace: timedelta = timedelta(seconds=5)
    banner: str = ""
    admission: AdmissionPolicy = field(default_factory=AdmissionPolicy)

"""Where people get in, as they are told."""

from dataclasses import dataclass

from transfer.folder import SERVICE, ServiceFolder
from transfer.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The URL of the HTTP door; the address of the SFTP door, and its host keys' fingerprints."""

    http_url: str | None
    sftp_host: str
    sftp_port: int
    fingerprints: tuple[str, ...] = ()


def launch_url(http_url: str, token: str) -> str:
    """Return the link that `token` is of."""
    return f"{http_url.rstrip('/')}/launch?token={token}"


def entrance_of(settings: Settings) -> Entrance:
    """Return where people get in, as far as it is known on this machine.

    Settings come first, then what a service on this folder has announced last.
    """
    said = ServiceFolder(settings.data).announced(SERVICE) or {}
    sftp = settings.public_sftp or settings.sftp_listen
    announced = settings.public_sftp is None and "sftp_port" in said
    return Entrance(
        http_url=settings.public_url or said.get("http_url"),
        sftp_host=str(said["sftp_host"]) if announced else sftp.host,
        sftp_port=int(said["sftp_port"]) if announced else sftp.port,
        fingerprints=tuple(said.get("fingerprints", ())),
    )

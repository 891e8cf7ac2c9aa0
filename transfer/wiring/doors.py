"""The doors: the HTTP and SFTP servers of one process, opened and closed together."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from transfer.core.errors import TransferError
from transfer.core.notices import Notice
from transfer.core.parts import MAX_FILE_BYTES
from transfer.engine.brief_cases import BriefCases
from transfer.engine.files import Files
from transfer.engine.uploads import Uploads
from transfer.folder import ServiceFolder
from transfer.http.app import build_app
from transfer.http.certificates import CertificateFiles
from transfer.http.oidc import STAFF_PATH
from transfer.http.policy import HttpPolicy, Services, SftpAddress
from transfer.http.proxies import ForwardedBy, Proxies
from transfer.http.server import HttpServer
from transfer.http.tls import Certificate, own_certificate
from transfer.ports import Clock
from transfer.settings import Settings, SettingsError, variable
from transfer.sftp.admission import AdmissionPolicy
from transfer.sftp.connection import Services as SftpServices
from transfer.sftp.hostkeys import HostKeys, load_host_keys
from transfer.sftp.server import SftpPolicy, SftpServer
from transfer.sftp.spool import SpoolSpace
from transfer.storage.s3 import S3ObjectStore
from transfer.wiring.entrance import Entrance
from transfer.wiring.identity import identity_provider, staff_sign_in
from transfer.wiring.launches import launches, portal_keys
from transfer.wiring.parts import Parts

_STOP_GRACE = timedelta(seconds=1.5)
"""For requests that are no uploads: those end with the leases, before the servers stop."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Listening sockets of the doors that are to open here; none, and a door stays closed."""

    http: Sequence[socket.socket] = ()
    sftp: Sequence[socket.socket] = ()

    def descriptors(self) -> list[int]:
        """Return the sockets' file descriptors, to hand them on to other processes."""
        return [listener.fileno() for listener in (*self.http, *self.sftp)]

    def close(self) -> None:
        """Close them here; again does no harm."""
        for listener in (*self.http, *self.sftp):
            listener.close()


class Doors:
    """The servers of one process; `certificate` is what the HTTP door speaks TLS with, if any."""

    def __init__(self, parts: Parts, store: S3ObjectStore, entrance: Entrance) -> None:
        self._parts = parts
        self._store = store
        self._entrance = entrance
        self._http: HttpServer | None = None
        self._sftp: SftpServer | None = None
        self._provider = identity_provider(parts.settings, parts.clock)
        self._portal = portal_keys(parts.settings, parts.clock)
        self.certificate: CertificateFiles | None = None

    async def open(self, listeners: Listeners) -> None:
        """Serve on `listeners`.

        Raises:
            SettingsError, HostKeyError: certificate or host keys can't be used.
        """
        keys = await asyncio.to_thread(load_host_keys, host_keys_folder(self._parts.settings))
        if listeners.http:
            self._http = self._http_server(keys)
            await self._http.start(listeners.http)
        if listeners.sftp:
            self._sftp = SftpServer(self._sftp_services(), keys, self._sftp_policy())
            await self._sftp.start(sockets=listeners.sftp)

    def reload(self) -> None:
        """Read again what an operator may have changed: the certificate."""
        if self.certificate is not None:
            self.certificate.reload()

    async def refuse_new(self) -> None:
        """Take no new connections."""
        if self._http:
            await self._http.stop_accepting()

    async def close(self) -> None:
        """End all connections; close the engine's leases first, for what they received."""
        servers = [server for server in (self._http, self._sftp) if server]
        await asyncio.gather(*(server.stop() for server in servers))
        if self._provider:
            await self._provider.close()
        if self._portal:
            await self._portal.close()

    def _sftp_services(self) -> SftpServices:
        parts = self._parts
        brief = replace(parts.tools, core=BriefCases(parts.tools.core, parts.clock))
        return SftpServices(
            accounts=parts.accounts,
            uploads=Uploads(brief, parts.leases),
            files=Files(brief),
            visits=parts.visits,
            bans=parts.bans,
            clock=parts.clock,
            space=SpoolSpace(
                folder=ServiceFolder(parts.settings.data).spool_path,
                limit_bytes=parts.settings.sftp_spool_bytes,
            ),
        )

    def _sftp_policy(self) -> SftpPolicy:
        settings = self._parts.settings
        return SftpPolicy(
            login_timeout=settings.sftp_login_timeout,
            keepalive=settings.sftp_keepalive,
            idle_timeout=settings.sftp_idle_timeout or None,
            stop_grace=_STOP_GRACE,
            banner=sftp_banner(settings, self._parts.tools.notice),
            admission=AdmissionPolicy(
                connections=settings.sftp_max_connections,
                per_client=settings.sftp_max_connections_per_client,
                unsigned=settings.sftp_max_unsigned,
                trusted=settings.sftp_trusted_networks,
            ),
        )

    def _http_server(self, keys: HostKeys) -> HttpServer:
        parts, entrance = self._parts, self._entrance
        settings = parts.settings
        policy = HttpPolicy(
            public_url=settings.public_url,
            portal_url=settings.portal_url,
            staff_sign_in=STAFF_PATH if self._provider else None,
            sftp=SftpAddress(
                host=entrance.sftp_host,
                port=entrance.sftp_port,
                fingerprints=entrance.fingerprints,
                host_keys=tuple(keys.public_lines),
            ),
            max_file_bytes=settings.max_file_bytes or MAX_FILE_BYTES,
            retention=settings.retention_period,
            proxies=Proxies(settings.trusted_proxies, ForwardedBy(settings.forwarded_by)),
            cors_origins=frozenset(settings.cors_origins),
            hsts=_hsts(settings),
            max_connections=settings.max_connections,
            max_connections_per_client=settings.max_connections_per_client,
            max_requests_per_client=settings.max_requests_per_client,
            max_requests_per_case=settings.max_requests_per_case,
            idle=settings.http_idle_timeout,
            min_bytes_per_second=settings.http_min_bytes_per_second,
            stop_grace=_STOP_GRACE,
            redirect_lifetime=(
                settings.redirect_lifetime if settings.allow_redirect_downloads else None
            ),
        )
        services = Services(
            uploads=parts.uploads,
            files=parts.files,
            archives=parts.archives,
            previews=parts.previews,
            accounts=parts.accounts,
            tokens=parts.tokens,
            acknowledgements=parts.acknowledgements,
            receipts=parts.receipts,
            events=parts.events,
            timelines=parts.timelines,
            attempts=parts.attempts,
            bans=parts.bans,
            sessions=parts.sessions,
            oversight=parts.oversight,
            account_terms=parts.account_terms,
            deletion_receipts=parts.deletion_receipts,
            launches=launches(parts, self._portal),
            clock=parts.clock,
            staff=staff_sign_in(parts, self._provider) if self._provider else None,
            inbox=parts.traffic.inbox,
            desk=parts.desk,
            ready=self._awaited,
            policy=policy,
        )
        self.certificate = certificate_files(settings, parts.clock)
        tls = self.certificate.context if self.certificate is not None else None
        return HttpServer(build_app(services), policy, tls=tls)

    async def _awaited(self) -> list[str]:
        """Return what doesn't answer at the moment."""
        probes = {"store": self._store.probe(), "records": self._parts.desk.cases(limit=1)}
        outcomes = await asyncio.gather(*probes.values(), return_exceptions=True)
        answers = zip(probes, outcomes, strict=True)
        return [name for name, outcome in answers if isinstance(outcome, TransferError)]


@dataclass(frozen=True, slots=True)
class Keys:
    """What clients know the doors by; `own_certificate` if the service has made it itself."""

    fingerprints: tuple[str, ...]
    own_certificate: Path | None


def prepare_keys(settings: Settings, clock: Clock) -> Keys:
    """Make the keys and certificates that are missing. Blocking.

    Raises:
        SettingsError, HostKeyError: those that are there can't be used.
    """
    certificate_files(settings, clock)
    made = not (settings.plain_http or settings.tls_cert_file)
    fingerprints = load_host_keys(host_keys_folder(settings)).fingerprints
    certificate = _own_certificate(settings, clock).certificate if made else None
    return Keys(tuple(fingerprints), certificate)


def sftp_banner(settings: Settings, notice: Notice) -> str:
    """Return what is shown before signing in by SFTP: the operator's text, or the warning.

    Raises:
        SettingsError: the file can't be used.
    """
    if settings.sftp_banner_file is None:
        text = notice.text
    else:
        try:
            text = settings.sftp_banner_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            reason = getattr(exc, "strerror", None) or "not UTF-8"
            raise SettingsError(
                [f"{variable('sftp_banner_file')}: expected a file of UTF-8 text ({reason})."]
            ) from exc
    return "".join(f"{line.rstrip()}\r\n" for line in text.strip().splitlines())


def host_keys_folder(settings: Settings) -> Path:
    """Return where the SFTP server's host keys are."""
    return settings.sftp_host_keys or ServiceFolder(settings.data).host_keys_path


def certificate_files(settings: Settings, clock: Clock) -> CertificateFiles | None:
    """Return what the HTTP door speaks TLS with; None where a proxy does.

    Raises:
        SettingsError: the files can't be used.
    """
    if settings.plain_http:
        return None
    try:
        if settings.tls_cert_file and settings.tls_key_file:
            return CertificateFiles(settings.tls_cert_file, settings.tls_key_file, clock)
        own = _own_certificate(settings, clock)
        return CertificateFiles(own.certificate, own.key, clock)
    except OSError as exc:
        files = f"{variable('tls_cert_file')}, {variable('tls_key_file')}"
        raise SettingsError([f"{files}: can't be used ({exc.strerror or exc})."]) from exc


def _hsts(settings: Settings) -> timedelta | None:
    """Return for how long browsers shall come by TLS alone.

    Not with a certificate of our own making: who trusts that by hand does so for a trial, and on
    `localhost` it would lock them out of all else that they run there.
    """
    made = not (settings.plain_http or settings.tls_cert_file)
    return None if made else settings.hsts_max_age or None


def _own_certificate(settings: Settings, clock: Clock) -> Certificate:
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    names = [name for name in (settings.http_listen.host, socket.gethostname(), public) if name]
    return own_certificate(ServiceFolder(settings.data).path, names, clock.now())

"""The scenarios: an exercise, the store below, and who takes part."""

from dataclasses import dataclass, replace
from typing import cast

from bench.crowd import FastAmongSlow
from bench.exercises import (
    Exercise,
    HttpDownload,
    Scale,
    SmallFiles,
    TusUpload,
    TusUploadAtOnce,
)
from bench.nginx_server import NginxServer
from bench.openssh_server import OpenSshServer
from bench.rclone_server import RcloneServer
from bench.servers import Server
from bench.service import (
    AloneService,
    CrowdedService,
    PairedService,
    TransferService,
    TransferServiceTls,
)
from bench.sftp_exercises import (
    ParamikoDownload,
    PsftpUpload,
    RcloneDownload,
    RcloneUpload,
    SftpConnections,
    SftpDownload,
    SftpTree,
    SftpUpload,
    SftpUploadsAtOnce,
)
from bench.stores import SeaweedFs, Sink, Store
from bench.tus_server import TusNodeServer
from bench.workplace import GIB


@dataclass(frozen=True)
class Unit:
    """What a scenario counts in: speed in `rate_size` a second, CPU in seconds a `cost_size`."""

    rate: str
    rate_size: float
    cost: str
    cost_size: float


BYTES = Unit("MB/s", 1e6, "s/GiB", GIB)
FILES = Unit("files/s", 1, "s/1000", 1000)
CONNECTIONS = Unit("connections/s", 1, "s/1000", 1000)


@dataclass(frozen=True)
class Scenario:
    """One comparison; contestants take their turns in the order given."""

    name: str
    title: str
    exercise: type[Exercise]
    contestants: tuple[type[Server], ...]
    store: type[Store]
    tls: bool = False
    unit: Unit = BYTES

    def against_itself(self) -> "Scenario":
        """Return it with the first peer in our place too: what differs from 1 then is noise."""
        peer = self.contestants[1]
        double = cast("type[Server]", type("Double", (peer,), {"name": f"{peer.name} again"}))
        return replace(self, contestants=(double, peer))

    def room(self, scale: Scale, turns: int) -> int:
        """Return the bytes that the store may have written by the end, removed ones included."""
        if self.store is Sink:
            return 0
        if self.unit is CONNECTIONS:
            return 0
        amount = scale.small_files * scale.small_size if self.unit is FILES else scale.size
        uploads = 1 if issubclass(self.exercise, HttpDownload | SftpDownload) else turns
        return len(self.contestants) * uploads * amount


_HTTP = (TransferService, TusNodeServer)
_AND_NGINX = (TransferService, NginxServer)
_WITH_TLS = (TransferServiceTls, TransferService)
_CROWDED = (CrowdedService, AloneService)
_SFTP = (TransferService, RcloneServer, OpenSshServer)
_SFTP_ON_S3 = (TransferService, RcloneServer)
_AT_ONCE = (PairedService, AloneService)

SCENARIOS = (
    Scenario("tus-up-16m", "tus upload, 16 MiB PATCHes", TusUpload, _HTTP, SeaweedFs),
    Scenario("tus-up-one", "tus upload, one PATCH", TusUploadAtOnce, _HTTP, SeaweedFs),
    Scenario("http-down", "download", HttpDownload, _HTTP, SeaweedFs),
    Scenario("tus-up-16m-tls", "the same under TLS", TusUpload, _HTTP, SeaweedFs, tls=True),
    Scenario("tus-up-one-tls", "the same under TLS", TusUploadAtOnce, _HTTP, SeaweedFs, tls=True),
    Scenario("http-down-tls", "the same under TLS", HttpDownload, _HTTP, SeaweedFs, tls=True),
    Scenario("small", "small files, 16 at once", SmallFiles, _HTTP, SeaweedFs, unit=FILES),
    Scenario("sftp-up", "OpenSSH put", SftpUpload, _SFTP, SeaweedFs),
    Scenario("sftp-down", "OpenSSH get", SftpDownload, _SFTP, SeaweedFs),
    Scenario("sink-tus-up-16m", "body-discarding S3", TusUpload, _HTTP, Sink),
    Scenario("sink-http-down", "body-discarding S3", HttpDownload, _HTTP, Sink),
    Scenario("sink-tus-up-one", "body-discarding S3", TusUploadAtOnce, _HTTP, Sink),
    Scenario("cost-of-tls", "upload, TLS against plain", TusUploadAtOnce, _WITH_TLS, Sink),
    Scenario("nginx-down", "download, S3 against a disk", HttpDownload, _AND_NGINX, Sink),
    Scenario("nginx-down-tls", "the same under TLS", HttpDownload, _AND_NGINX, Sink, tls=True),
    Scenario("crowd", "5 fast among 200 slow", FastAmongSlow, _CROWDED, Sink),
    Scenario("sink-small", "body-discarding S3", SmallFiles, _HTTP, Sink, unit=FILES),
    Scenario("sink-sftp-up", "body-discarding S3", SftpUpload, _SFTP, Sink),
    Scenario("sink-sftp-down", "body-discarding S3", SftpDownload, _SFTP, Sink),
    Scenario("sink-rclone-up", "rclone copyto", RcloneUpload, _SFTP, Sink),
    Scenario("sink-rclone-down", "the same back", RcloneDownload, _SFTP, Sink),
    Scenario("sink-psftp-up", "PSFTP put", PsftpUpload, _SFTP, Sink),
    Scenario("sink-paramiko-down", "paramiko get", ParamikoDownload, _SFTP, Sink),
    Scenario("sftp-tree", "rclone copy of small files", SftpTree, _SFTP, SeaweedFs, unit=FILES),
    Scenario("sftp-connect", "sign in, leave", SftpConnections, _SFTP, Sink, unit=CONNECTIONS),
    Scenario("sftp-at-once", "2 clients, 2 workers", SftpUploadsAtOnce, _AT_ONCE, Sink),
)

SFTP_SCENARIOS = frozenset(
    {
        *("sink-sftp-up", "sink-sftp-down", "sink-rclone-up", "sink-rclone-down"),
        *("sink-psftp-up", "sink-paramiko-down"),
        *("sftp-up", "sftp-tree", "sftp-connect", "sftp-at-once"),
    }
)
"""What the figures of the SFTP door come from."""

"""What a server is made to do over SFTP."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.exercises import Done, Exercise
from bench.processes import BenchError
from bench.sftp_client import SftpClient
from bench.sftp_clients import Client, OpenSsh, Paramiko, Psftp, Rclone
from bench.workplace import digest_of

_TREE_FOLDERS = 30


class SftpUpload(Exercise):
    """A big file by a client's `put`: connection and sign-in are within the time."""

    client: type[Client] = OpenSsh

    @classmethod
    def missing(cls) -> str:
        """Return why it can't be done here; OpenSSH's client cleans up after all others."""
        return cls.client.missing() or SftpClient.missing()

    def prepare(self) -> None:
        """Have the client, and note what OpenSSH's agrees on with this server."""
        self._sftp = SftpClient(self.place)
        self._client = self.client(self.place)
        self._client.meet(self.server.sftp())
        self.cipher = self._sftp.cipher(self.server.sftp())

    def run(self) -> Done:
        """Put the file."""
        self._name = f"{self.step.label}.log"
        self._put(self._name)
        return Done(self.scale.size)

    def check(self) -> None:
        """Get the last file back, and remove each to keep the room small."""
        if self.step.last:
            landing = self.place.scratch / "landing"
            self._do(f"get {self._name} {landing}")
            digest = digest_of(landing)
            landing.unlink()
            self._require_source(digest)
        self._do(f"rm {self._name}")

    def _put(self, name: str) -> None:
        source = self.place.source.path
        self._client.put(self.server.sftp(), source, name, seconds=self.scale.step_seconds)

    def _do(self, line: str) -> None:
        self._sftp.run(self.server.sftp(), line, seconds=self.scale.step_seconds)


class SftpDownload(SftpUpload):
    """A big file by a client's `get`, into the scratch folder."""

    def prepare(self) -> None:
        """Put the file there."""
        super().prepare()
        self._do(f"put {self.place.source.path} download.log")

    def run(self) -> Done:
        """Get the file."""
        landing = self._landing_file
        seconds = self.scale.step_seconds
        self._client.get(self.server.sftp(), "download.log", landing, seconds=seconds)
        return Done(landing.stat().st_size)

    def check(self) -> None:
        """Hash what came in this very turn."""
        digest = digest_of(self._landing_file)
        self._landing_file.unlink()
        self._require_source(digest)

    @property
    def _landing_file(self) -> Path:
        return self.place.scratch / "landing"


class RcloneUpload(SftpUpload):
    """The same by rclone."""

    client = Rclone


class PsftpUpload(SftpUpload):
    """The same by PSFTP."""

    client = Psftp


class RcloneDownload(SftpDownload):
    """The same by rclone."""

    client = Rclone


class ParamikoDownload(SftpDownload):
    """The same by paramiko."""

    client = Paramiko


class SftpUploadsAtOnce(SftpUpload):
    """As many clients at once as the contestant is named for, each with a share of the bytes."""

    def run(self) -> Done:
        """Put their files."""
        count = self.server.clients
        self._names = [f"{self.step.label}-{number}.log" for number in range(count)]
        with ThreadPoolExecutor(count) as pool:
            clients = [OpenSsh(self.place, number) for number in range(count)]
            target, source = self.server.sftp(), self.place.source.path
            seconds = self.scale.step_seconds
            sending = [
                pool.submit(client.put, target, source, name, seconds=seconds)
                for client, name in zip(clients, self._names, strict=True)
            ]
            for one in sending:
                one.result()
        return Done(self.scale.size * count)

    def check(self) -> None:
        """Remove them; the other scenarios read theirs back."""
        for name in self._names:
            self._do(f"rm {name}")


class SftpTree(Exercise):
    """Many small files in some folders, by `rclone copy`."""

    @classmethod
    def missing(cls) -> str:
        """Return why it can't be done here."""
        return Rclone.missing()

    def prepare(self) -> None:
        """Cut the files from the source."""
        self._client = Rclone(self.place)
        self._client.meet(self.server.sftp())
        self._tree = self.place.folder(f"tree-{self.server.slug}")
        self._few = self.place.folder(f"tree-{self.server.slug}-warm")
        size = self.scale.small_size
        with self.place.source.path.open("rb") as source:
            for number in range(self.scale.small_files):
                source.seek(number * size % max(size, self.place.source.size - size))
                folder = self._tree / f"{number % _TREE_FOLDERS:02d}"
                folder.mkdir(exist_ok=True)
                (folder / f"{number:05d}.log").write_bytes(source.read(size))
        shutil.copytree(self._tree / "00", self._few / "00")

    def run(self) -> Done:
        """Copy the tree."""
        tree = self._few if self.step.warm else self._tree
        seconds = self.scale.step_seconds
        self._client.put_tree(self.server.sftp(), tree, self.step.label, seconds=seconds)
        self._sent = sum(1 for path in tree.rglob("*") if path.is_file())
        return Done(self._sent)

    def check(self) -> None:
        """Count what is there, and read some of it back."""
        target, seconds = self.server.sftp(), self.scale.step_seconds
        found = self._client.count(target, self.step.label, seconds=seconds)
        if found != self._sent:
            raise BenchError(f"{found} files are there of {self._sent}")
        landing = self.place.scratch / "landing"
        sample = self._tree / "00" / "00000.log"
        name = f"{self.step.label}/00/00000.log"
        self._client.get(target, name, landing, seconds=seconds)
        same = landing.read_bytes() == sample.read_bytes()
        landing.unlink()
        if not same:
            raise BenchError("a small file is not what was sent")


class SftpConnections(Exercise):
    """Connections with a password, one after the other, that do nothing."""

    count = 40

    @classmethod
    def missing(cls) -> str:
        """Return why it can't be done here."""
        return SftpClient.missing()

    def prepare(self) -> None:
        """Have the client."""
        self._client = SftpClient(self.place)

    def run(self) -> Done:
        """Connect, sign in, and leave."""
        begun = time.perf_counter()
        for _ in range(self.count):
            self._client.run(self.server.sftp(), "pwd", seconds=self.scale.step_seconds)
        seconds = time.perf_counter() - begun
        return Done(self.count, {"ms_each": seconds / self.count * 1000})

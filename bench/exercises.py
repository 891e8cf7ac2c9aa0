"""What a server is made to do: a timed part, `run`, with preparation and checks around it."""

import hashlib
from dataclasses import dataclass, field

from bench.processes import BenchError
from bench.servers import Server
from bench.small_files import SmallBatch, prepare, send
from bench.tus_client import download, upload
from bench.workplace import KIB, MIB, Workplace

_SAMPLES = 20


@dataclass(frozen=True)
class Scale:
    """How much is sent, and how often."""

    size: int
    small_files: int
    rounds: int
    small_size: int = 10 * KIB
    at_once: int = 16

    @property
    def warm_size(self) -> int:
        """What an upload sends in the turn that isn't counted: enough for V8 to compile it all."""
        return min(self.size, 256 * MIB)

    @property
    def step_seconds(self) -> float:
        """The bound of every step: generous, for it only keeps a stuck server from blocking."""
        return 60 + max(self.size / (4 * MIB), self.small_files / 10)


@dataclass(frozen=True)
class Done:
    """What a turn moved, in bytes or files, and figures of its own."""

    amount: int
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A turn to come: its label is unlike any other's, a warm one isn't counted."""

    label: str
    warm: bool
    last: bool


class Exercise:
    """One contestant's part of a scenario; `cipher` is what was agreed on, where it matters."""

    cipher = ""

    def __init__(self, server: Server, place: Workplace, scale: Scale) -> None:
        self.server = server
        self.place = place
        self.scale = scale
        self.step = Step("", warm=True, last=False)

    @classmethod
    def missing(cls) -> str:
        """Return why it can't be done here, or nothing."""
        return ""

    def prepare(self) -> None:
        """Do once, before the first turn, what the turns need."""

    def ready(self) -> None:
        """Do before a turn what isn't to be timed."""

    def run(self) -> Done:
        """Do what is timed."""
        raise NotImplementedError

    def check(self) -> None:
        """Prove after a turn that its bytes are right, or raise BenchError."""

    def _require_source(self, digest: str) -> None:
        if digest != self.place.source.sha256:
            raise BenchError("what came back is not what was sent: its SHA-256 differs")


class TusUpload(Exercise):
    """A big file by tus, from its creation to the answer of the last PATCH."""

    chunk = 16 * MIB

    def run(self) -> Done:
        """Send the file on one connection."""
        size = self.scale.warm_size if self.step.warm else self.scale.size
        target = self.server.http()
        with target.connect() as connection:
            self._uploaded = upload(
                target,
                connection,
                self.place.source.path,
                name=f"{self.step.label}.log",
                size=size,
                chunk=self.chunk,
            )
        return Done(size)

    def check(self) -> None:
        """Read the last upload back."""
        if not self.step.last:
            return
        target = self.server.http()
        landing = self.place.landing
        with target.connect() as connection:
            size = download(target, connection, self._uploaded, landing)
        self._require_source(hashlib.sha256(landing[:size]).hexdigest())


class TusUploadAtOnce(TusUpload):
    """The same in a single PATCH."""

    chunk = 1 << 62


class HttpDownload(Exercise):
    """A big file by one GET."""

    def prepare(self) -> None:
        """Put the file there."""
        target = self.server.http()
        source = self.place.source
        offered = self.server.offer(source.path)
        if offered is not None:
            self._uploaded = offered
            return
        with target.connect() as connection:
            self._uploaded = upload(
                target,
                connection,
                source.path,
                name="download.log",
                size=source.size,
                chunk=16 * MIB,
            )

    def ready(self) -> None:
        """Look up where the file is, and have the memory for it."""
        target = self.server.http()
        self._landing = self.place.landing
        with target.connect() as connection:
            self._path = target.content_path(connection, self._uploaded)

    def run(self) -> Done:
        """Fetch it on a new connection."""
        target = self.server.http()
        with target.connect() as connection:
            return Done(connection.download(self._path, target.headers, self._landing))

    def check(self) -> None:
        """Hash what came in this very turn."""
        self._require_source(hashlib.sha256(self._landing).hexdigest())
        self._landing[:] = bytes(len(self._landing))  # so that the next turn can't pass with it


class SmallFiles(Exercise):
    """Many small files at once, each a POST with its content."""

    def ready(self) -> None:
        """Build the requests."""
        count = min(100, self.scale.small_files) if self.step.warm else self.scale.small_files
        self._batch = SmallBatch(
            self.place.source.path,
            self.step.label,
            count,
            self.scale.small_size,
            self.scale.at_once,
        )
        self._requests = prepare(self.server.http(), self._batch)

    def run(self) -> Done:
        """Send them all."""
        self._sent = send(
            self.server.http(),
            self._batch,
            self._requests,
            within_seconds=self.scale.step_seconds,
        )
        return Done(
            self._batch.count,
            {"p50_ms": self._sent.latency_ms(0.5), "p99_ms": self._sent.latency_ms(0.99)},
        )

    def check(self) -> None:
        """Read a sample of them back."""
        if not self.step.last:
            return
        target, batch = self.server.http(), self._batch
        landing = memoryview(bytearray(batch.size))
        with target.connect() as connection:
            for number in range(0, batch.count, max(1, batch.count // _SAMPLES)):
                size = download(target, connection, self._sent.uploaded[number], landing)
                if bytes(landing[:size]) != batch.content(number):
                    raise BenchError(f"small file {number} is not what was sent")

"""The service under test, as a user starts it: the `transfer` command and nothing else."""

import json
import shutil
from typing import Any
from urllib.parse import quote

from bench.http_client import Connection
from bench.processes import BenchError, Process, environment, output_of
from bench.servers import Server, installed
from bench.sftp_client import SftpTarget
from bench.stores import S3Access, Store
from bench.tus_client import HttpTarget, Uploaded
from bench.workplace import REPOSITORY, Workplace, free_port

_READY_PATH = "/readyz"
_FILES_PATH = "/api/v1/cases/{number}/files"
_CREATE_PATH = "/api/v1/cases/{number}/uploads"
_CONTENT_PATH = "/api/v1/files/{id}/content"
_WARNING_PATH = "/api/v1/cases/{number}/acknowledgement"


def _settings(access: S3Access) -> dict[str, str]:
    """Name an S3 of the outside in the service's settings."""
    return {
        "TRANSFER_S3_ENDPOINT_URL": access.endpoint_url,
        "TRANSFER_S3_BUCKET": access.bucket,
        "TRANSFER_S3_ACCESS_KEY": access.access_key,
        "TRANSFER_S3_SECRET_KEY": access.secret_key,
        "TRANSFER_S3_REGION": access.region,
    }


class TransferService(Server):
    """`transfer serve` with SQLite, on the S3 that the peers use; both doors at once."""

    name = "ours"
    workers = 0

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""
        command = installed("transfer")
        if not command:
            return "the `transfer` command is not installed"
        try:
            output_of([command, "serve", "--help"])
        except BenchError as exc:
            return str(exc)
        return ""

    @staticmethod
    def version() -> str:
        """Return what exactly is measured."""
        return output_of([installed("transfer") or "transfer", "version"]).strip()

    def __init__(self, place: Workplace, store: Store | None, *, tls: bool = False) -> None:
        super().__init__(place, store, tls=tls)
        # On the disk, for a ledger on tmpfs would make its commits free.
        self._data = place.folder(f"{self.slug}-data")

    def start(self) -> None:
        """Start it, open a case, and get a token and an SFTP account for it."""
        access = self.store.bucket(f"transfer-{self.slug}")
        self._env = environment(TRANSFER_DATA=str(self._data), **_settings(access))
        self._http_port, self._sftp_port = free_port(), free_port()
        command = [
            installed("transfer") or "transfer",
            "serve",
            f"--data={self._data}",
            f"--http=127.0.0.1:{self._http_port}",
            f"--sftp=127.0.0.1:{self._sftp_port}",
        ]
        if not self.tls:
            command.append("--plain-http")
        if self.workers:
            command.append(f"--workers={self.workers}")
        self._process = Process(
            self.name,
            command,
            log=self._fresh_folder() / "log.txt",
            cwd=REPOSITORY,
            env=self._env,
        )
        self._process.start(self._is_ready, within_seconds=90)
        opened = self._told("case", "open", "--subject=benchmark", "--account=bench", "--json")
        self._case = opened["number"]
        self._token = self._tell(
            "token", "issue", "--role", "designated", "--case", self._case
        ).strip()
        self._account = self._told("account", "issue", "--case", self._case, "--json")
        self._acknowledge()

    def stop(self) -> None:
        """Stop it and remove its files."""
        super().stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def http(self) -> HttpTarget:
        """Return where to send by HTTP."""
        return HttpTarget(
            self._http_port,
            _CREATE_PATH.format(number=self._case),
            tls=self.tls,
            headers={"Authorization": f"Bearer {self._token}"},
            content_path=self._content_path,
        )

    def sftp(self) -> SftpTarget:
        """Return where to send by SFTP."""
        return SftpTarget(
            self._sftp_port, self._account["username"], password=self._account["password"]
        )

    def _acknowledge(self) -> None:
        """Take note of the warning about sensitive data, which comes before the first file."""
        path = _WARNING_PATH.format(number=self._case)
        headers = {"Authorization": f"Bearer {self._token}"}
        with Connection(self._http_port, tls=self.tls) as connection:
            shown = connection.request("GET", path, headers).require(200, "the warning")
            version = json.loads(shown.body)["version"]
            said = json.dumps({"version": version}).encode()
            connection.request(
                "POST", path, {**headers, "Content-Type": "application/json"}, said
            ).require(200, "its acknowledgement")

    def _content_path(self, connection: Connection, uploaded: Uploaded) -> str:
        """Find a received file in the case's list, which comes in pages."""
        page = ""
        while True:
            path = _FILES_PATH.format(number=self._case) + (f"?after={quote(page)}" if page else "")
            answer = connection.request("GET", path, {"Authorization": f"Bearer {self._token}"})
            listed = json.loads(answer.require(200, "the list of files").body)
            for file in listed["files"]:
                if file["path"].lstrip("/") == uploaded.name:
                    return _CONTENT_PATH.format(id=file["id"])
            page = listed.get("next") or ""
            if not page:
                raise BenchError(f"an uploaded file is not in the list of its case: {uploaded}")

    def _is_ready(self) -> bool:
        try:
            with Connection(self._http_port, tls=self.tls) as connection:
                return connection.request("GET", _READY_PATH, {}).status == 200
        except (OSError, BenchError):
            return False

    def _told(self, *words: str) -> dict[str, Any]:
        told = json.loads(self._tell(*words))
        if not isinstance(told, dict):
            raise BenchError(f"transfer {' '.join(words[:2])} printed no JSON object")
        return told

    def _tell(self, *words: str) -> str:
        command = [installed("transfer") or "transfer", *words, f"--data={self._data}"]
        return output_of(command, env=self._env)


class TransferServiceTls(TransferService):
    """The same under TLS, whatever the scenario says: for the cost of TLS."""

    name = "ours, TLS"

    def __init__(self, place: Workplace, store: Store | None, *, tls: bool = True) -> None:
        del tls
        super().__init__(place, store, tls=True)


class CrowdedService(TransferService):
    """The same, with many slow clients at work."""

    name = "ours, crowded"
    slow_clients = 200


class PairedService(TransferService):
    """The same by two processes, with two clients."""

    name = "ours, two workers"
    workers = 2
    clients = 2


class AloneService(TransferService):
    """The same, with only those at work that are timed."""

    name = "ours, alone"

"""`transfer check-config`: what is found out by trying master keys and the store."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.keys import ShellKms
from tests.unit.cli.conftest import Run


class Store(ThreadingHTTPServer):
    """An S3 store that says the same to every question of a kind."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.bucket_status = 200
        self.put_status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Requests(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._say(self.server.bucket_status)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(self.server.put_status)

    def do_GET(self) -> None:
        self._say(206, b"probe")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(200, b"<DeleteResult/>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
        """Say nothing."""

    def _say(self, status: int, body: bytes = b"") -> None:
        if status == 403:
            body = b"<Error><Code>AccessDenied</Code></Error>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", "bytes 0-4/5")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, data: Path) -> Iterator[Store]:
    """The store that is set."""
    with Store() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        monkeypatch.setenv("TRANSFER_S3_ENDPOINT_URL", server.url)
        monkeypatch.setenv("TRANSFER_S3_ACCESS_KEY", "access")
        monkeypatch.setenv("TRANSFER_S3_SECRET_KEY", "secret")
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def kms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path) -> ShellKms:
    """The KMS that is set; cases are encrypted."""
    kms = ShellKms(tmp_path)
    monkeypatch.setenv("TRANSFER_MASTER_KEYS", f"command:{kms.program}")
    monkeypatch.setenv("TRANSFER_ENCRYPT_CASES", "true")
    return kms


def test_what_was_tried_is_told_and_a_store_of_our_own_is_left_to_its_start(
    run: Run, kms: ShellKms
) -> None:
    tried = run("check-config", "--json").json["tried"]
    assert tried == {"master_keys": ["command:key-1"], "store_encrypts": None}


def test_nothing_is_tried_where_no_master_key_is_set(run: Run, store: Store) -> None:
    store.bucket_status = 404
    checked = run("check-config", "--json")
    assert checked.status == 0
    assert "tried" not in checked.json


def test_a_store_is_left_alone_while_nothing_is_to_be_encrypted(
    run: Run, kms: ShellKms, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_status = 403
    monkeypatch.delenv("TRANSFER_ENCRYPT_CASES")
    assert run("check-config", "--json").json["tried"]["store_encrypts"] is None


def test_a_kms_and_a_store_that_fail_are_told_together(
    run: Run, kms: ShellKms, store: Store
) -> None:
    kms.answer("unwrap", "exit 5")
    store.put_status = 403
    failed = run("check-config")
    assert failed.status == 1
    assert f"{kms.program} fails a trial of `unwrap`" in failed.err
    assert "SSE-C" in failed.err
    assert "AccessDenied" in failed.err
    assert "PutBucketEncryption" in failed.err


def test_a_store_that_takes_no_notice_of_keys_is_told(
    run: Run, kms: ShellKms, store: Store
) -> None:
    failed = run("check-config")
    assert failed.status == 1
    assert "takes no notice of our keys (SSE-C)" in failed.err


def test_a_bucket_that_is_missing_is_told_with_what_makes_it(
    run: Run, kms: ShellKms, store: Store
) -> None:
    store.bucket_status = 404
    failed = run("check-config")
    assert failed.status == 1
    assert "There is no bucket case-transfer." in failed.err
    assert "--apply-bucket" in failed.err

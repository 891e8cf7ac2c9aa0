"""The certificate of a running service: the files decide, if they can be used."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.clock import START, MovableClock
from transfer.http.certificates import LOOK_EVERY, CertificateFiles
from transfer.http.tls import LIFETIME, OLDEST, SUITES_OF_TLS_1_2, Certificate, own_certificate


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def in_use(tmp_path: Path) -> Certificate:
    return own_certificate(tmp_path / "in-use", ["a.example"], START)


@pytest.fixture
def new(tmp_path: Path) -> Certificate:
    return own_certificate(tmp_path / "new", ["b.example"], START)


def replace(old: Certificate, new: Certificate) -> None:
    """Put new files in the place of the old ones, as a renewal does."""
    for source, target in ((new.certificate, old.certificate), (new.key, old.key)):
        beside = target.with_suffix(".new")
        shutil.copy(source, beside)
        beside.replace(target)


def opened(files: Certificate, clock: MovableClock) -> CertificateFiles:
    return CertificateFiles(files.certificate, files.key, clock)


@asynccontextmanager
async def watched(files: CertificateFiles, clock: MovableClock) -> AsyncIterator[None]:
    watching = asyncio.create_task(files.watch())
    await clock.wait_for_sleepers()
    yield
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def look(clock: MovableClock) -> None:
    """Let the watch look once."""
    clock.advance(LOOK_EVERY)
    await clock.wait_for_sleepers()


def test_a_context_speaks_modern_suites_only(in_use: Certificate, clock: MovableClock) -> None:
    context = opened(in_use, clock).context()
    assert context.minimum_version is OLDEST
    names = [str(suite["name"]) for suite in context.get_ciphers()]
    assert {one for one in names if not one.startswith("TLS_")} == set(SUITES_OF_TLS_1_2)
    assert all(suite["aead"] for suite in context.get_ciphers())


def test_files_that_cannot_be_used_are_told_at_the_start(
    in_use: Certificate, new: Certificate, clock: MovableClock
) -> None:
    with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
        CertificateFiles(in_use.certificate, new.key, clock)
    with pytest.raises(FileNotFoundError):
        CertificateFiles(in_use.certificate.with_name("none"), in_use.key, clock)


def test_a_reload_takes_new_files(
    in_use: Certificate, new: Certificate, clock: MovableClock
) -> None:
    files = opened(in_use, clock)
    before = files.context()
    replace(in_use, new)
    with capture_logs() as logs:
        files.reload()
    assert files.context() is not before
    assert logs[0]["event"] == "tls.certificate-in-use"
    assert logs[0]["fingerprint"] == new.fingerprint


@pytest.mark.parametrize("broken", ["key", "certificate", "gone", "expired", "locked"])
def test_what_cannot_be_used_leaves_the_old_one_and_is_told_loudly(
    tmp_path: Path, in_use: Certificate, new: Certificate, clock: MovableClock, broken: str
) -> None:
    files = opened(in_use, clock)
    before = files.context()
    match broken:
        case "key":
            shutil.copy(new.key, in_use.key)
        case "certificate":
            in_use.certificate.write_text("nonsense")
        case "gone":
            in_use.key.unlink()
        case "expired":
            replace(in_use, own_certificate(tmp_path / "old", [], START - LIFETIME))
        case "locked":
            in_use.key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    with capture_logs() as logs:
        files.reload()
    assert files.context() is before
    (told,) = logs
    assert (told["log_level"], told["event"]) == ("error", "tls.certificate-unusable")
    assert told["reason"]
    assert told["goes_on"] == in_use.fingerprint


async def test_new_files_are_noticed_once_they_lie_still(
    in_use: Certificate, new: Certificate, clock: MovableClock
) -> None:
    files = opened(in_use, clock)
    before = files.context()
    async with watched(files, clock):
        await look(clock)
        assert files.context() is before
        replace(in_use, new)
        await look(clock)  # they may still be written
        assert files.context() is before
        await look(clock)
        after = files.context()
        assert after is not before
        await look(clock)
        assert files.context() is after


async def test_a_pair_that_is_half_replaced_is_waited_for(
    in_use: Certificate, new: Certificate, clock: MovableClock
) -> None:
    files = opened(in_use, clock)
    async with watched(files, clock):
        with capture_logs() as logs:
            shutil.copy(new.certificate, in_use.certificate)
            await look(clock)
            in_use.key.unlink()
            await look(clock)
            shutil.copy(new.key, in_use.key)
            await look(clock)
            await look(clock)
        assert [one["event"] for one in logs] == ["tls.certificate-in-use"]


async def test_a_broken_pair_is_told_once(in_use: Certificate, clock: MovableClock) -> None:
    files = opened(in_use, clock)
    in_use.certificate.write_text("nonsense")
    async with watched(files, clock):
        with capture_logs() as logs:
            for _ in range(5):
                await look(clock)
        assert [one["event"] for one in logs] == ["tls.certificate-unusable"]
        os.utime(in_use.key)
        with capture_logs() as logs:
            for _ in range(3):
                await look(clock)
        assert len(logs) == 1


async def test_an_end_that_comes_near_is_told_once(
    in_use: Certificate, clock: MovableClock
) -> None:
    files = opened(in_use, clock)
    async with watched(files, clock):
        with capture_logs() as logs:
            clock.advance(LIFETIME - timedelta(days=13))
            await clock.wait_for_sleepers()
            await look(clock)
    assert [one["event"] for one in logs] == ["tls.certificate-expires"]

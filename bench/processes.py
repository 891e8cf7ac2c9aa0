"""Processes that the benchmark starts, watches and stops, always by their ids."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

_STOP_SECONDS = 20.0


class BenchError(Exception):
    """Something could not be measured; the message says why, and goes into the table."""


def environment(**extra: str) -> dict[str, str]:
    """Return a small environment, so that nothing of the caller's own settings is measured."""
    caller = os.environ  # noqa: TID251 - a child needs PATH and HOME; nothing else is read
    kept = {name: caller[name] for name in ("PATH", "HOME") if name in caller}
    return {**kept, "LANG": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true", **extra}


class Process:
    """A child in a session of its own, so that Ctrl-C reaches it only through `stop`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str],
    ) -> None:
        self.name = name
        self._command = [str(word) for word in command]
        self._log = log
        self._cwd = cwd
        self._env = env
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool], *, within_seconds: float = 60.0) -> None:
        """Start it and wait until `ready` says so."""
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._cwd,
                env=dict(self._env),
                start_new_session=True,
            )
        deadline = time.perf_counter() + within_seconds
        while not ready():
            if self._child.poll() is not None:
                raise BenchError(f"{self.name} ended at its start: {self.last_words()}")
            if time.perf_counter() > deadline:
                raise BenchError(
                    f"{self.name} was not ready in {within_seconds:.0f} s: {self.last_words()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and all it started; by force after 20 s."""
        if self._child is None:
            return
        family = self.family()
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._child.poll() is None:
                self._child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_STOP_SECONDS)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._child.wait()
        self._child = None

    def family(self, *, without: Sequence[str] = ()) -> list[psutil.Process]:
        """Return it and its living descendants, apart from those named `without` and theirs."""
        if self._child is None:
            return []
        try:
            found = [psutil.Process(self._child.pid)]
        except psutil.NoSuchProcess:
            return []
        for parent in found:  # grows while it is walked: breadth first
            found += _children(parent, without)
        return found

    def last_words(self) -> str:
        """Return the last lines of its log, on one line."""
        return _last_words(self._log.read_text(errors="replace"), lines=3)


def _children(parent: psutil.Process, without: Sequence[str]) -> list[psutil.Process]:
    children = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in parent.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name() not in without:
                    children.append(child)
    return children


@contextlib.contextmanager
def bounded(seconds: float, what: str) -> Iterator[None]:
    """Raise BenchError in the main thread when the block takes longer; not to be nested."""

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise BenchError(f"{what} took longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def output_of(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, seconds: float = 60.0
) -> str:
    """Run a command to its end and return what it printed."""
    words = [str(word) for word in command]
    shown = " ".join([Path(words[0]).name, *words[1:3]])
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=dict(env or environment()),
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BenchError(f"{shown}: {exc}") from exc
    if done.returncode:
        raise BenchError(f"{shown} failed: {_last_words(done.stderr or done.stdout)}")
    return done.stdout


def _last_words(text: str, *, lines: int = 1) -> str:
    """Return the end of what a program said, without the frames that some draw around it."""
    said = [line.strip(" │╭╮╰╯─") for line in text.splitlines()]
    return " | ".join([line for line in said if line][-lines:]) or "it said nothing"

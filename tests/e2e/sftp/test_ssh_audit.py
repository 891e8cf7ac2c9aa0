"""The SFTP port under an independent scanner."""

import asyncio
import json
import subprocess
from typing import Any

import pytest

from tests.e2e.sftp.gateway import HOST, Gateway
from tests.python_tools import python_tool

pytestmark = [pytest.mark.e2e]

EXPLAINED = {
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "hmac-sha2-256",
}
"""Warnings that docs/security.md says why of."""


def scanned(port: int) -> dict[str, Any]:
    program, target = python_tool("ssh-audit"), ["-p", str(port), HOST]
    done = subprocess.run(  # noqa: S603 - our own command
        [program, "--json", "--skip-rate-test", *target],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def remarks(found: dict[str, Any], level: str) -> dict[str, list[str]]:
    """What the scanner says of algorithms, by their names."""
    said: dict[str, list[str]] = {}
    for kind in ("kex", "key", "enc", "mac"):
        for one in found[kind]:
            notes = one.get("notes", {}).get(level, [])
            if notes:
                said[one["algorithm"]] = notes
    return said


async def test_the_scanner_finds_no_failure_and_no_warning_that_is_not_explained(
    gateway: Gateway,
) -> None:
    found = await asyncio.to_thread(scanned, gateway.port)
    assert found["kex"]
    assert found["key"]
    assert remarks(found, "fail") == {}
    assert set(remarks(found, "warn")) <= EXPLAINED, remarks(found, "warn")
    assert not found.get("cves"), found["cves"]

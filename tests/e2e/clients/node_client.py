"""tus-js-client under Node.js, driven by a script of ours."""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.npm_packages import installed
from tests.programs import program

HERE = Path(__file__).parent
_UPLOAD_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How an upload ended, and the requests it took: methods with statuses."""

    how: str
    url: str | None
    requests: list[tuple[str, int]]

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    @property
    def statuses(self) -> list[int]:
        return [status for _, status in self.requests]


@dataclass(kw_only=True)
class NodeClient:
    """A client that sends `file` to `endpoint`; it remembers URLs in `urls` if it is told to.

    It trusts `certificate`, if the endpoint speaks TLS.
    """

    packages: Path
    file: Path
    endpoint: str
    headers: Mapping[str, str]
    urls: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    certificate: Path | None = None
    seconds: float = _UPLOAD_SECONDS

    async def upload(self, *, source: str = "path", **more: object) -> Ended:
        """Send the file, in a process of its own, until it is done, aborted or refused.

        `source` is what the client is given: a `path`, `bytes` or a `stream`.
        """
        settings = {
            "file": str(self.file),
            "source": source,
            "urls": None if self.urls is None else str(self.urls),
            "options": {"endpoint": self.endpoint, "headers": self.headers, **self.options},
            **more,
        }
        caller = os.environ  # noqa: TID251 - a child gets what it needs of the caller's, no more
        trusted = {} if self.certificate is None else {"NODE_EXTRA_CA_CERTS": str(self.certificate)}
        process = await asyncio.create_subprocess_exec(
            program("node"),
            str(self.packages / "upload.mjs"),
            env={"PATH": caller.get("PATH", ""), "UPLOAD": json.dumps(settings), **trusted},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self.seconds):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, err.decode()
        told = json.loads(out)
        how = told["ended"] if told["ended"] != "error" else told["error"]
        requests = [(method, status) for method, status in told["requests"]]
        return Ended(how=how, url=told["url"], requests=requests)


def packages(cache: Path) -> Path:
    """Return a folder with the script and its packages."""
    return installed(cache, HERE / "package.json", HERE / "upload.mjs")

"""A real OpenID provider for tests: the npm package `oidc-provider`, a child of the test."""

import json
import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import npm_packages
from tests.identity import SigningKey, signing_key
from tests.programs import program
from transfer.clock import SystemClock

HERE = Path(__file__).parent
CLIENT_ID = "case-transfer"
CLIENT_SECRET = "a secret: with %, + and spaces"
OTHER_CLIENT_ID = "another-service"
GROUPS = {"ann": ["care"], "olga": ["care", "ops"], "sam": ["sales"]}
_START_SECONDS = 60.0
_clock = SystemClock()


def installed(cache: Path) -> Path:
    """Return a folder with the provider and its packages."""
    return npm_packages.installed(cache, HERE / "package.json", HERE / "provider.mjs")


@dataclass(kw_only=True)
class OidcServer:
    """The provider: stopped, started again, with other keys, on the same port."""

    packages: Path
    folder: Path
    port: int
    redirect_uri: str
    key: SigningKey = field(default_factory=lambda: signing_key("ES256"))
    groups_in_userinfo: bool = True
    groups: Mapping[str, Sequence[str]] = field(default_factory=lambda: GROUPS)
    algorithm: str = "ES256"
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "oidc-provider.log").read_text()

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "oidc-provider.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [program("node"), str(self.packages / "provider.mjs")],
                env={**_plain_environment(), "OIDC_PROVIDER": json.dumps(self._settings())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        pipe, printed = self._process.stdout, b""
        assert pipe is not None
        deadline = _clock.monotonic() + _START_SECONDS
        while b"ready\n" not in printed:
            left = max(0.0, deadline - _clock.monotonic())
            assert select.select([pipe], [], [], left)[0], f"not ready in time: {self.log}"
            more = os.read(pipe.fileno(), 4096)
            assert more, f"it ended: {self.log}"
            printed += more

    def stop(self) -> None:
        """Stop it; again does no harm."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()

    def _settings(self) -> dict[str, Any]:
        private = dict(self.key.as_dict(private=True))
        client = {
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [self.redirect_uri],
            "id_token_signed_response_alg": self.algorithm,
        }
        return {
            "issuer": self.issuer,
            "port": self.port,
            "clients": [{**client, "client_id": name} for name in (CLIENT_ID, OTHER_CLIENT_ID)],
            "jwks": {"keys": [private]},
            "cookieKey": "for one test",
            "groups": dict(self.groups),
            "groupsInUserinfo": self.groups_in_userinfo,
        }


def _plain_environment() -> dict[str, str]:
    caller = os.environ  # noqa: TID251 - a child gets what it needs of the caller's, no more
    return {name: caller[name] for name in ("PATH", "HOME", "LANG") if name in caller}

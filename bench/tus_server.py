"""The HTTP peer: the Node.js reference server of tus, @tus/server with @tus/s3-store."""

import json
import os
import shutil

from bench.certificate import write_certificate
from bench.processes import BenchError, Process, environment, output_of
from bench.servers import Server, listens
from bench.tus_client import HttpTarget
from bench.workplace import MIB, REPOSITORY, WORK, free_port

_HERE = REPOSITORY / "bench"
_NODE = WORK / "node"
_PACKAGES = ("@tus/server", "@tus/s3-store")


class TusNodeServer(Server):
    """One process of Node.js; its temporary files are on tmpfs where there is one."""

    name = "@tus/server"

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""
        if not shutil.which("node"):
            return "Node.js is not installed"
        wanted = json.loads((_HERE / "package.json").read_text())["dependencies"]
        found = {name: _installed_version(name) for name in _PACKAGES}
        return "" if found == wanted else f"npm packages are not installed: found {found}"

    @staticmethod
    def version() -> str:
        """Return what exactly is measured."""
        packages = ", ".join(f"{name} {_installed_version(name)}" for name in _PACKAGES)
        return f"{packages}, Node.js {output_of(['node', '--version']).strip()}"

    @staticmethod
    def install() -> None:
        """Install the exact versions of bench/package.json, below bench/.work."""
        npm = shutil.which("npm")
        if not npm:
            raise BenchError("npm is not installed")
        _NODE.mkdir(parents=True, exist_ok=True)
        shutil.copy(_HERE / "package.json", _NODE)
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        # npm finds its registry and proxies in the caller's environment.
        caller = dict(os.environ)  # noqa: TID251 - handed on whole, nothing is read from it
        output_of(
            [npm, "install", "--prefix", _NODE, *quiet, "--loglevel=error"],
            env=caller,
            seconds=300,
        )

    def start(self) -> None:
        """Start it and wait until it listens."""
        folder = self._fresh_folder()
        access = self.store.bucket(self.slug)
        self._port = free_port()
        settings = {
            "port": self._port,
            "partSize": 16 * MIB,
            "endpoint": access.endpoint_url,
            "bucket": access.bucket,
            "region": access.region,
            "accessKey": access.access_key,
            "secretKey": access.secret_key,
        }
        if self.tls:
            certificate, key = write_certificate(folder)
            settings |= {"certificate": str(certificate), "key": str(key)}
        # Node looks for packages beside the script.
        script = shutil.copy(_HERE / "tus_server.mjs", _NODE)
        self._process = Process(
            self.name,
            ["node", script],
            log=folder / "log.txt",
            cwd=_NODE,
            env=environment(
                TMPDIR=str(folder), NODE_ENV="production", BENCH_TUS=json.dumps(settings)
            ),
        )
        self._process.start(lambda: listens(self._port))

    def http(self) -> HttpTarget:
        """Return where to send by HTTP; what was uploaded is served by the same URL."""
        return HttpTarget(self._port, "/files", tls=self.tls)


def _installed_version(package: str) -> str:
    path = _NODE / "node_modules" / package / "package.json"
    return str(json.loads(path.read_text())["version"]) if path.exists() else "none"

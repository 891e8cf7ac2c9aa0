"""The mark for downloads: nginx, which serves the file from the disk and does nothing else."""

import getpass
import os
import shutil
from pathlib import Path

from bench.certificate import write_certificate
from bench.processes import Process, environment, output_of
from bench.servers import Server, listens
from bench.tus_client import HttpTarget, Uploaded
from bench.workplace import REPOSITORY, free_port

_CONFIGURATION = """\
user {user};
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port}{tls};
    root {root};
  }}
}}
"""
_TLS = """ ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key}"""


class NginxServer(Server):
    """One worker of nginx; what it serves lies in the page cache after the first turn."""

    name = "nginx"

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""
        return "" if _program() else "nginx is not installed (Debian: nginx-light)"

    @staticmethod
    def version() -> str:
        """Return what exactly is measured."""
        # It tells its version on stderr; the package's name has it, too.
        program = _program() or "nginx"
        return output_of(["sh", "-c", f"{program} -v 2>&1"]).partition("/")[2].strip()

    def start(self) -> None:
        """Start it on an empty folder."""
        folder = self._fresh_folder()
        self._root = self.place.folder(f"nginx-{'tls' if self.tls else 'plain'}")
        self._port = free_port()
        tls = ""
        if self.tls:
            certificate, key = write_certificate(folder)
            tls = _TLS.format(certificate=certificate, key=key)
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user=getpass.getuser(), folder=folder, port=self._port, tls=tls, root=self._root
            )
        )
        self._process = Process(
            self.name,
            [_program() or "nginx", "-c", configuration, "-p", folder, "-e", folder / "start.log"],
            log=folder / "log.txt",
            cwd=REPOSITORY,
            env=environment(),
        )
        self._process.start(lambda: listens(self._port))

    def stop(self) -> None:
        """Stop it and remove what it served."""
        super().stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def http(self) -> HttpTarget:
        """Return where to fetch from."""
        return HttpTarget(self._port, "/", tls=self.tls)

    def offer(self, source: Path) -> Uploaded:
        """Serve a file of this disk."""
        os.link(source, self._root / "download.log")
        return Uploaded("/download.log", "download.log")


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

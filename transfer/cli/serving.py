"""`transfer serve`, and `http`, `sftp`, `worker`: processes that stay."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from transfer.cli.options import AsJson, Data
from transfer.folder import ServiceFolder
from transfer.settings import Settings, load
from transfer.telemetry import configure_logs

Http = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Listen here for HTTP; port 0: a free one.",
        show_default="127.0.0.1:8443",
    ),
]
Sftp = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Listen here for SFTP; port 0: a free one.",
        show_default="127.0.0.1:2222",
    ),
]
PlainHttp = Annotated[
    bool | None,
    typer.Option("--plain-http", help="No TLS, for a proxy in front.", show_default="off"),
]


def serve(
    data: Data = None,
    http: Http = None,
    sftp: Sftp = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes that serve.", show_default="1")
    ] = None,
    plain_http: PlainHttp = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole service; SIGTERM or Ctrl-C ends it cleanly.

    --json prints one line once it serves: the addresses, the demo case and its tokens.
    """
    settings = _settings(
        data, http_listen=http, sftp_listen=sftp, workers=workers, plain_http=plain_http
    )
    from transfer.cli.welcome import print_ready, print_welcome
    from transfer.service.lifetime import live
    from transfer.service.serving import serve as serve_all

    live(lambda: serve_all(settings, print_ready if as_json else print_welcome))


def http(
    data: Data = None, http: Http = None, plain_http: PlainHttp = None, as_json: AsJson = False
) -> None:
    """Run the HTTP door alone, for a deployment of many nodes."""
    settings = _settings(data, http_listen=http, plain_http=plain_http)
    _serve_part("http", settings, as_json=as_json)


def sftp(data: Data = None, sftp: Sftp = None, as_json: AsJson = False) -> None:
    """Run the SFTP door alone, for a deployment of many nodes."""
    _serve_part("sftp", _settings(data, sftp_listen=sftp), as_json=as_json)


def worker(data: Data = None, as_json: AsJson = False) -> None:
    """Run the background work alone, for a deployment of many nodes."""
    _serve_part("worker", _settings(data), as_json=as_json)


def _settings(data: Path | None, **given: object) -> Settings:
    settings = load(data=data, **given)
    configure_logs(settings.log_level, settings.log_format)
    ServiceFolder(settings.data).prepare()
    return settings


def _serve_part(name: str, settings: Settings, *, as_json: bool) -> None:
    from transfer.cli.welcome import print_part_ready
    from transfer.service.lifetime import live
    from transfer.service.node import Part
    from transfer.service.part import serve_part

    part = Part(name)
    live(lambda: serve_part(settings, part, partial(print_part_ready, part, as_json=as_json)))

"""What `transfer serve` tells, once it serves."""

import shlex
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from transfer.cli.output import WIDE, print_json
from transfer.service.node import Part
from transfer.service.serving import Served
from transfer.wiring.entrance import Entrance

_HEADING = "bold"
_COMMAND = "cyan"


def print_ready(served: Served) -> None:
    """Print one JSON object, for a program that has started the service."""
    print_json(
        {
            **asdict(served.entrance),
            "data": str(served.folder),
            "certificate": str(served.certificate) if served.certificate else None,
            "demo": asdict(served.demo) if served.demo else None,
        }
    )


def print_welcome(served: Served) -> None:
    """Print where to go, and commands to try it with that can be copied as they are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    entrance = served.entrance
    console.print(Text("Case Transfer is ready.", _HEADING))
    console.print(Text(f"  HTTP  {entrance.http_url}"))
    console.print(Text(f"  SFTP  {entrance.sftp_host} port {entrance.sftp_port}"))
    for fingerprint in entrance.fingerprints:
        console.print(Text(f"        host key {fingerprint}"))
    if served.certificate:
        console.print(Text(f"  TLS   the service's own certificate: {served.certificate}"))
    for heading, lines in _demo(served):
        console.print()
        console.print(Text(heading, _HEADING))
        for line in lines:
            console.print(Text(f"  {line}", _COMMAND), soft_wrap=True)
    console.print()
    console.print(Text("Ctrl-C stops it."))


def print_part_ready(part: Part, entrance: Entrance, *, as_json: bool) -> None:
    """Print that a part of a deployment serves, and where."""
    if as_json:
        print_json(asdict(entrance))
        return
    where = {
        Part.HTTP: entrance.http_url,
        Part.SFTP: f"{entrance.sftp_host} port {entrance.sftp_port}",
        Part.WORKER: "in the background",
    }
    typer.echo(f"Serving: {where[part]}")


def _demo(served: Served) -> list[tuple[str, list[str]]]:
    """Return the commands for a first transfer, under a heading each; copied, they work."""
    demo, entrance = served.demo, served.entrance
    if demo is None:
        return []
    data = shlex.quote(str(served.folder))
    trust = f"--cacert {shlex.quote(str(served.certificate))} " if served.certificate else ""
    case_url = f"{entrance.http_url}/api/v1/cases/{demo.case}"
    return [
        (
            "Sign in at a browser, once by each link; `transfer launch link` makes another:",
            [f"customer: {demo.customer_link}", f"analyst:  {demo.analyst_link}"],
        ),
        (
            f"The demo case {demo.case}, and who may use it:",
            [f"CUSTOMER={demo.customer_token}", f"ANALYST={demo.analyst_token}"],
        ),
        (
            "Acknowledge the warning and send a file as the customer, list it as the analyst:",
            [
                f'curl {trust}-H "Authorization: Bearer $CUSTOMER" '
                "-H 'Content-Type: application/json' "
                f'-d \'{{"version": "{demo.warning_version}"}}\' {case_url}/acknowledgement',
                "head -c 1000000 /dev/urandom > example.log",
                f'curl {trust}-H "Authorization: Bearer $CUSTOMER" -H "Tus-Resumable: 1.0.0" '
                '-H "Upload-Length: $(wc -c < example.log)" '
                '-H "Upload-Metadata: filename $(printf example.log | base64)" '
                '-H "Content-Type: application/offset+octet-stream" '
                f"--data-binary @example.log {case_url}/uploads",
                f'curl {trust}-H "Authorization: Bearer $ANALYST" {case_url}/files',
            ],
        ),
        (
            "The same by SFTP: issue an account, then sign in with its password:",
            [
                f"transfer account issue --case {demo.case} --data {data}",
                f"sftp -P {entrance.sftp_port} USERNAME@{entrance.sftp_host}",
            ],
        ),
    ]

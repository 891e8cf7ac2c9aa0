"""A member of a crew: a process that serves on the sockets it was handed. See `crew`."""

import json
import socket
import sys
from typing import Any

from transfer.service.crew import READY
from transfer.service.lifetime import live
from transfer.service.node import running_node
from transfer.settings import load
from transfer.storage.s3_client import S3Settings
from transfer.telemetry import configure_logs
from transfer.wiring.doors import Listeners
from transfer.wiring.entrance import Entrance


def main() -> None:
    """Read the order on standard input, and serve until told to leave."""
    order = json.load(sys.stdin.buffer)
    settings = load(**order["settings"])
    configure_logs(settings.log_level, settings.log_format, member=order["index"])
    live(lambda: _serve(order))


async def _serve(order: dict[str, Any]) -> None:
    node = running_node(
        load(**order["settings"]),
        S3Settings(**order["access"]),
        Listeners(http=_sockets(order["http"]), sftp=_sockets(order["sftp"])),
        Entrance(**{**order["entrance"], "fingerprints": tuple(order["entrance"]["fingerprints"])}),
        member=order["index"],
    )
    async with node as loops:
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        await loops.first_end()


def _sockets(descriptors: list[int]) -> list[socket.socket]:
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


if __name__ == "__main__":
    main()

"""The Unix sockets that SeaweedFS makes beside its gRPC ports, in a folder of everyone's. Blocking.

It removes none of them when it ends. One of another user's bars the port for good: it can't be
removed, and SeaweedFS, unable to listen there, runs on and stores nothing.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/tmp")  # noqa: S108 -- built into SeaweedFS


def remove_leftovers(grpc_ports: Iterable[int], folder: Path = FOLDER) -> None:
    """Remove what ended servers have left behind on `grpc_ports`; others' stay."""
    for port in grpc_ports:
        for socket in _sockets(port, folder):
            with suppress(OSError):
                socket.unlink()


def is_barred(grpc_port: int, folder: Path = FOLDER) -> bool:
    """Tell whether something that can't be removed is in the way of `grpc_port`.

    Nobody may be listening on the port: what is left there is then dead, and is removed.
    """
    remove_leftovers([grpc_port], folder)
    return bool(_sockets(grpc_port, folder))


def _sockets(port: int, folder: Path) -> list[Path]:
    return sorted(folder.glob(f"seaweedfs-*-grpc-{port}.sock"))

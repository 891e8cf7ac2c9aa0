"""Many slow clients at once, as a program of its own: python -m bench.slow_clients ORDER-FILE.

Each begins an upload and sends its bytes little by little, until the program is stopped. It says
"ready" once all of them are sending, and leaves with an error if one is cut off.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.tus_client import OFFSET_STREAM, TUS, metadata

_STEP_SECONDS = 0.25
_LENGTH = 1 << 40


@dataclass(frozen=True)
class Order:
    """How many clients send where, and how fast each."""

    port: int
    create_path: str
    headers: Mapping[str, str]
    clients: int
    bytes_per_second: int

    def as_json(self) -> str:
        """Return what the program reads."""
        return json.dumps(asdict(self))


async def run(order: Order) -> None:
    """Send until stopped."""
    sending = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for number in range(order.clients):
            group.create_task(_client(order, number, sending))
        for _ in range(order.clients):
            await sending.acquire()
        print("ready", flush=True)


async def _client(order: Order, number: int, sending: asyncio.Semaphore) -> None:
    # Spread over the step, as real ones are.
    await asyncio.sleep(_STEP_SECONDS * number / order.clients)  # noqa: TID251 - a client's pace
    reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
    common = {"Host": f"127.0.0.1:{order.port}", **order.headers, **TUS}
    created = {**common, "Upload-Length": str(_LENGTH), "Content-Length": "0"}
    _write_head(writer, "POST", order.create_path, {**created, **metadata(f"slow-{number}.log")})
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    if " 201 " not in head[0]:
        raise RuntimeError(f"an upload was answered {head[0]}")
    (location,) = [line[10:] for line in head if line.lower().startswith("location: ")]
    sent = {**common, **OFFSET_STREAM, "Upload-Offset": "0", "Content-Length": str(_LENGTH)}
    _write_head(writer, "PATCH", "/" + location.split("://")[-1].partition("/")[2], sent)
    sending.release()
    piece = bytes(int(order.bytes_per_second * _STEP_SECONDS))
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not reader.at_eof():
        writer.write(piece)
        await writer.drain()
        due += _STEP_SECONDS
        await asyncio.sleep(max(0.0, due - loop.time()))  # noqa: TID251 - a client's pace
    raise RuntimeError("a slow client was cut off")


def _write_head(
    writer: asyncio.StreamWriter, method: str, path: str, headers: Mapping[str, str]
) -> None:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())


if __name__ == "__main__":
    asyncio.run(run(Order(**json.loads(Path(sys.argv[1]).read_text()))))

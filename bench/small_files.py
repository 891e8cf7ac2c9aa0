"""Many small files at once: creation-with-upload on kept-alive connections."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.http_client import Answer
from bench.processes import BenchError
from bench.tus_client import OFFSET_STREAM, TUS, HttpTarget, Uploaded, location_of, metadata


@dataclass(frozen=True)
class SmallBatch:
    """So many files of one size, cut from a source one after the other."""

    source: Path
    label: str
    count: int
    size: int
    at_once: int

    def name(self, number: int) -> str:
        """Return the name of a file of the batch."""
        return f"{self.label}-{number:05d}.log"

    def content(self, number: int) -> bytes:
        """Return the content of a file of the batch."""
        pieces = max(1, self.source.stat().st_size // self.size)
        with self.source.open("rb") as file:
            file.seek((number % pieces) * self.size)
            return file.read(self.size)


@dataclass(frozen=True)
class SmallSent:
    """What was sent, in the order of the batch, and how long each took in seconds."""

    uploaded: list[Uploaded]
    latencies: list[float]

    def latency_ms(self, share: float) -> float:
        """Return the latency that `share` of the files stayed below, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def prepare(target: HttpTarget, batch: SmallBatch) -> list[bytes]:
    """Build all requests beforehand, so that sending costs the measured machine little."""
    requests = []
    for number in range(batch.count):
        headers = {
            "Host": f"127.0.0.1:{target.port}",
            **target.headers,
            **TUS,
            **OFFSET_STREAM,
            **metadata(batch.name(number)),
            "Upload-Length": str(batch.size),
            "Content-Length": str(batch.size),
        }
        head = [f"POST {target.create_path} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        requests.append("\r\n".join([*head, "", ""]).encode() + batch.content(number))
    return requests


def send(
    target: HttpTarget, batch: SmallBatch, requests: list[bytes], *, within_seconds: float
) -> SmallSent:
    """Send the batch over `at_once` connections, each answer checked."""

    async def run() -> SmallSent:
        uploaded: dict[int, Uploaded] = {}
        latencies: list[float] = []
        numbers = iter(range(batch.count))
        async with asyncio.timeout(within_seconds), asyncio.TaskGroup() as group:
            for _ in range(batch.at_once):
                group.create_task(_worker(target, batch, requests, numbers, uploaded, latencies))
        return SmallSent([uploaded[number] for number in range(batch.count)], latencies)

    try:
        return uvloop.run(run())
    except TimeoutError:
        raise BenchError(f"{batch.count} small files took over {within_seconds:.0f} s") from None
    except ExceptionGroup as group:
        raise BenchError(str(group.exceptions[0])) from group


async def _worker(
    target: HttpTarget,
    batch: SmallBatch,
    requests: list[bytes],
    numbers: Iterator[int],
    uploaded: dict[int, Uploaded],
    latencies: list[float],
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        for number in numbers:
            begun = time.perf_counter()
            writer.write(requests[number])
            answer = (await _read_answer(reader)).require(201, f"small file {number}")
            latencies.append(time.perf_counter() - begun)
            if answer.number("upload-offset") != batch.size:
                raise BenchError(f"small file {number} ended at a wrong offset")
            uploaded[number] = Uploaded(location_of(answer), batch.name(number))
            if answer.headers.get("connection", "").lower() == "close":
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            body += (await reader.readexactly(size + 2))[:-2]
            if not size:
                break
    elif length := int(headers.get("content-length", "0")):
        body = await reader.readexactly(length)
    return Answer(int(head[0].split()[1]), headers, body)

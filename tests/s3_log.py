"""The request log of a store: a proxy before it that notes what is asked, and passes it on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import ClientSession, ClientTimeout, web
from yarl import URL

from transfer.storage.s3_client import S3Settings

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass
class RequestLog:
    """What was asked of the store: method, whether by copy, bytes of the body, in that order."""

    settings: S3Settings
    requests: list[tuple[str, bool, int]] = field(default_factory=list)

    @property
    def reads(self) -> int:
        """How many objects, or pieces of them, were read."""
        return sum(method == "GET" for method, _, _ in self.requests)

    @property
    def copies(self) -> int:
        """How many copies were made inside the store."""
        return sum(copied for _, copied, _ in self.requests)

    @property
    def sent_bytes(self) -> int:
        """How many bytes of content were sent to the store."""
        return sum(size for method, _, size in self.requests if method == "PUT")


@asynccontextmanager
async def request_log(store: S3Settings) -> AsyncIterator[RequestLog]:
    """Log what is asked of `store` by who uses the log's `settings` instead."""
    assert store.endpoint_url is not None
    target = store.endpoint_url
    async with ClientSession(auto_decompress=False, timeout=ClientTimeout(60)) as session:

        async def pass_on(request: web.Request) -> web.StreamResponse:
            copied = "x-amz-copy-source" in request.headers
            log.requests.append((request.method, copied, request.content_length or 0))
            headers = [
                (name, value)
                for name, value in request.headers.items()
                if name.lower() not in _HOP_BY_HOP
            ]
            if request.content_length is not None:
                headers.append(("Content-Length", str(request.content_length)))
            url = URL(target + request.raw_path, encoded=True)
            data = request.content if request.can_read_body else None
            async with session.request(
                request.method, url, headers=headers, data=data, skip_auto_headers=("Accept",)
            ) as answer:
                response = web.StreamResponse(status=answer.status, reason=answer.reason)
                for name, value in answer.headers.items():
                    if name.lower() not in _HOP_BY_HOP - {"content-length"}:
                        response.headers.add(name, value)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response

        app = web.Application(client_max_size=1 << 40)
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        log = RequestLog(replace(store, endpoint_url=f"http://127.0.0.1:{port}"))
        try:
            yield log
        finally:
            await runner.cleanup()

"""The identity provider over HTTP: what is taken from it, and what is kept from it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.clock import MovableClock
from transfer.core.errors import ProviderUnavailableError, SignInFailedError
from transfer.identity.client import JsonClient
from transfer.identity.provider import OidcProvider, ProviderAccess
from transfer.ports import IdentityProvider

REDIRECT = "https://transfer.example.com/sign-in/callback"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Request:
    """What the provider was asked."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Server:
    """A provider whose answers are the test's choice: JSON, or whatever a handler does."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append(Request(request.path, dict(request.headers), form))
        answer = self.answers.get(request.path)
        if callable(answer):
            response: web.StreamResponse = await answer(request)
            return response
        if answer is None:
            return web.Response(status=404)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return web.json_response(body, status=status)

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)

    @property
    def discovery(self) -> dict[str, Any]:
        document: dict[str, Any] = self.answers["/.well-known/openid-configuration"]
        return document


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    server.answers["/.well-known/openid-configuration"] = {
        "issuer": server.url,
        "authorization_endpoint": f"{server.url}/auth",
        "token_endpoint": f"{server.url}/token",
        "jwks_uri": f"{server.url}/keys",
        "userinfo_endpoint": f"{server.url}/me",
        "authorization_response_iss_parameter_supported": True,
    }
    server.answers["/keys"] = {"keys": [{"kid": "key-1"}]}
    server.answers["/token"] = {"id_token": "a.b.c", "access_token": "access-1"}
    server.answers["/me"] = {"sub": "subject-1"}
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@asynccontextmanager
async def connected(
    server: Server, clock: MovableClock, *, secret: str | None = None, timeout_seconds: float = 10
) -> AsyncIterator[OidcProvider]:
    access = ProviderAccess(issuer=server.url, client_id="case transfer", client_secret=secret)
    client = JsonClient(timeout=timedelta(seconds=timeout_seconds))
    provider = OidcProvider(access, client, clock)
    try:
        yield provider
    finally:
        await provider.close()


@pytest.fixture
async def provider(server: Server, clock: MovableClock) -> AsyncIterator[OidcProvider]:
    async with connected(server, clock) as provider:
        yield provider


async def redeem(provider: IdentityProvider) -> str:
    redeemed = await provider.redeem("code-1", verifier="verifier-1", redirect_uri=REDIRECT)
    return redeemed.id_token


# ── Description ──────────────────────────────────────────────────────────────────────────────


async def test_a_provider_says_where_it_is_asked(server: Server, provider: OidcProvider) -> None:
    description = await provider.description()
    assert description.issuer == server.url
    assert description.authorization_endpoint == f"{server.url}/auth"
    assert description.userinfo_endpoint == f"{server.url}/me"
    assert description.token_endpoint_auth_methods == ("client_secret_basic",)
    assert description.tells_issuer


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("issuer", "https://evil.example.com"),
        ("issuer", None),
        ("authorization_endpoint", None),
        ("authorization_endpoint", "http://evil.example.com/auth"),
        ("token_endpoint", "http://evil.example.com/token"),
        ("token_endpoint", 7),
        ("jwks_uri", "file:///etc/passwd"),
        ("userinfo_endpoint", "ftp://localhost/me"),
    ],
)
async def test_a_description_that_can_not_be_trusted_is_not_used(
    server: Server, provider: OidcProvider, member: str, value: object
) -> None:
    server.discovery[member] = value
    with pytest.raises(ProviderUnavailableError):
        await provider.description()


async def test_a_trailing_slash_of_the_issuer_is_not_doubled(
    server: Server, clock: MovableClock
) -> None:
    server.url += "/"
    server.discovery["issuer"] = server.url
    async with connected(server, clock) as provider:
        assert (await provider.description()).issuer == server.url


async def test_description_and_keys_are_asked_for_once_an_hour(
    server: Server, provider: OidcProvider, clock: MovableClock
) -> None:
    for _ in range(3):
        await asyncio.gather(*(provider.keys() for _ in range(5)))
    assert (server.asked("/.well-known/openid-configuration"), server.asked("/keys")) == (1, 1)
    clock.advance(timedelta(hours=1))
    server.answers["/keys"] = {"keys": [{"kid": "key-2"}, "nonsense"]}
    assert await provider.keys() == [{"kid": "key-2"}]
    assert (server.asked("/.well-known/openid-configuration"), server.asked("/keys")) == (2, 2)


async def test_keys_are_asked_for_afresh_when_one_is_not_known(
    server: Server, provider: OidcProvider
) -> None:
    await provider.keys()
    server.answers["/keys"] = {"keys": [{"kid": "key-2"}]}
    assert await provider.keys() == [{"kid": "key-1"}]
    assert await provider.keys(afresh=True) == [{"kid": "key-2"}]
    assert await provider.keys() == [{"kid": "key-2"}]


# ── Code and person ──────────────────────────────────────────────────────────────────────────


async def test_a_code_is_exchanged_by_a_client_without_a_secret(
    server: Server, provider: OidcProvider
) -> None:
    redeemed = await provider.redeem("code-1", verifier="verifier-1", redirect_uri=REDIRECT)
    assert (redeemed.id_token, redeemed.access_token) == ("a.b.c", "access-1")
    request = server.requests[-1]
    assert "Authorization" not in request.headers
    assert request.form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT,
        "code_verifier": "verifier-1",
        "client_id": "case transfer",
    }


async def test_a_secret_goes_where_the_provider_wants_it(
    server: Server, clock: MovableClock
) -> None:
    async with connected(server, clock, secret="s:e%c") as provider:
        await redeem(provider)
        scheme, _, pair = server.requests[-1].headers["Authorization"].partition(" ")
        assert (scheme, base64.b64decode(pair)) == ("Basic", b"case+transfer:s%3Ae%25c")
        assert "client_secret" not in server.requests[-1].form
    server.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    async with connected(server, clock, secret="s:e%c") as provider:
        await redeem(provider)
        assert "Authorization" not in server.requests[-1].headers
        assert server.requests[-1].form["client_secret"] == "s:e%c"


async def test_a_code_that_is_not_taken_is_the_fault_of_the_sign_in(
    server: Server, provider: OidcProvider
) -> None:
    server.answers["/token"] = (400, {"error": "invalid_grant"})
    with pytest.raises(SignInFailedError):
        await redeem(provider)


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"error": "invalid_client"}),
        (400, {"error": "unauthorized_client"}),
        (400, {"error": 7}),
        (400, []),
        (500, {"error": "invalid_grant"}),
        (302, {}),
        (200, {"access_token": "access-1"}),
        (200, {"id_token": 7}),
        (200, ["a.b.c"]),
    ],
    ids=str,
)
async def test_whatever_else_the_provider_says_is_its_own_fault_or_ours(
    server: Server, provider: OidcProvider, answer: object
) -> None:
    server.answers["/token"] = answer
    with pytest.raises(ProviderUnavailableError):
        await redeem(provider)


async def test_an_answer_without_an_access_token_is_one(
    server: Server, provider: OidcProvider
) -> None:
    server.answers["/token"] = {"id_token": "a.b.c"}
    redeemed = await provider.redeem("code-1", verifier="verifier-1", redirect_uri=REDIRECT)
    assert redeemed.access_token is None


async def test_more_of_a_person_is_asked_with_their_access_token(
    server: Server, provider: OidcProvider
) -> None:
    assert await provider.userinfo("access-1") == {"sub": "subject-1"}
    assert server.requests[-1].headers["Authorization"] == "Bearer access-1"
    server.answers["/me"] = (401, {"error": "invalid_token"})
    assert await provider.userinfo("access-1") == {}
    server.answers["/me"] = (503, {})
    with pytest.raises(ProviderUnavailableError):
        await provider.userinfo("access-1")


async def test_a_provider_without_userinfo_tells_no_more(
    server: Server, provider: OidcProvider
) -> None:
    del server.discovery["userinfo_endpoint"]
    assert await provider.userinfo("access-1") == {}
    assert server.asked("/me") == 0


# ── What goes wrong on the way ───────────────────────────────────────────────────────────────


async def too_long(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(9):
        await response.write(b" " * 65536)
    await response.write(b'{"keys": []}')  # right, but for its length
    return response


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"keys": [')
    assert request.transport is not None
    request.transport.abort()
    return response


async def elsewhere(_: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/token"})


async def no_json(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Sign in to the network first</html>")


async def too_deep(_: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 100_000, content_type="application/json")


@pytest.mark.parametrize("handler", [too_long, half, elsewhere, no_json, too_deep, None])
async def test_an_answer_that_is_none_is_an_outage(
    server: Server, provider: OidcProvider, handler: Handler | None
) -> None:
    server.answers["/keys"] = handler
    with pytest.raises(ProviderUnavailableError):
        await provider.keys()
    assert server.asked("/token") == 0  # nobody is led there


async def test_a_provider_that_does_not_answer_is_given_up_in_time(
    server: Server, clock: MovableClock
) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        asked.set()
        await over.wait()
        return web.Response()

    server.answers["/.well-known/openid-configuration"] = silent
    async with connected(server, clock, timeout_seconds=0.1) as provider:
        with pytest.raises(ProviderUnavailableError):
            await provider.description()
        assert asked.is_set()
    over.set()


async def test_a_provider_that_just_failed_is_left_alone_for_a_moment(
    server: Server, provider: OidcProvider, clock: MovableClock
) -> None:
    description = server.answers.pop("/.well-known/openid-configuration")
    outcomes = await asyncio.gather(
        *(provider.description() for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(outcome, ProviderUnavailableError) for outcome in outcomes)
    assert len(server.requests) == 1
    server.answers["/.well-known/openid-configuration"] = description
    with pytest.raises(ProviderUnavailableError):
        await provider.description()
    clock.advance(3)
    assert (await provider.description()).issuer == server.url


async def test_where_nobody_listens_there_is_no_provider(clock: MovableClock) -> None:
    async with connected(Server(url="http://127.0.0.1:9"), clock) as provider:
        with pytest.raises(ProviderUnavailableError):
            await provider.description()
    async with connected(Server(url="http://id.example.com"), clock) as provider:
        with pytest.raises(ProviderUnavailableError):
            await provider.description()  # never asked: not by plain HTTP


async def test_a_secret_is_not_in_what_is_shown() -> None:
    access = ProviderAccess(issuer="https://id.example.com", client_id="c", client_secret="hush")
    assert "hush" not in repr(access)


async def test_a_client_that_was_never_used_is_closed_without_ado(clock: MovableClock) -> None:
    async with connected(Server(url="https://id.example.com"), clock):
        pass

"""A browser, as far as a session is concerned: it keeps a cookie, and says where a page is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie

from tests.e2e.http.http_room import Answer, HttpRoom, Parsed, Payload
from tests.engine_room import NUMBER, PORTAL
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.http.cookie import COOKIE
from transfer.ports import Method

PAGE = {"Accept": "text/html,application/xhtml+xml"}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(kw_only=True)
class Browser:
    """One browser of one person, with a page of ours open once they are signed in."""

    room: HttpRoom
    secret: str | None = None
    csrf: str | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Payload = None,
        json: Parsed = None,
    ) -> Answer:
        """Send what a script of our page sends."""
        sent = {"Sec-Fetch-Site": "same-origin"}
        if method not in SAFE:
            sent |= {"Origin": self.room.url, "X-CSRF-Token": self.csrf or ""}
        return await self.raw(
            method, path, headers={**sent, **(headers or {})}, data=data, json=json
        )

    async def raw(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Payload = None,
        json: Parsed = None,
    ) -> Answer:
        """Send a request with nothing but the cookie added, and keep the cookie that it sets."""
        cookie = {"Cookie": f"{COOKIE}={self.secret}"} if self.secret else {}
        answer = await self.room.ask(
            method, path, who=None, headers={**cookie, **(headers or {})}, data=data, json=json
        )
        for name, morsel in SimpleCookie(answer.headers.get("Set-Cookie", "")).items():
            if name == COOKIE:
                self.secret = morsel.value or None
        return answer

    async def launch(self, **changes: object) -> Answer:
        """Follow a new link of the portal's, then read the token for our page's requests."""
        token = PORTAL.token(self.room.engine.clock.now(), **changes)  # type: ignore[arg-type]
        answer = await self.follow(token)
        assert answer.status == 303, answer
        self.csrf = (await self.session())["csrf_token"]
        return answer

    async def follow(self, token: str) -> Answer:
        """Follow a link from the portal's page."""
        headers = {**PAGE, "Sec-Fetch-Site": "cross-site"}
        return await self.raw("GET", f"/launch?token={token}", headers=headers)

    async def session(self) -> Parsed:
        """Return what the service says of the session."""
        answer = await self.ask("GET", "/api/v1/session")
        assert answer.status == 200, answer
        return answer.json()


async def signed_in(
    room: HttpRoom,
    role: Role = Role.DESIGNATED,
    number: CaseNumber | None = NUMBER,
    name: str = "Jo Smith",
) -> Browser:
    """Return the browser of somebody who has signed in, and has acknowledged the warning."""
    _, secret = await room.engine.sessions.begin(
        name=name,
        role=role,
        case_number=number,
        subject=f"subject of {name}",
        method=Method.LAUNCH,
        address="127.0.0.1",
    )
    browser = Browser(room=room, secret=secret)
    browser.csrf = (await browser.session())["csrf_token"]
    if role is Role.DESIGNATED and number is not None:
        principal = await room.engine.sessions.authenticate(secret, None)
        await room.engine.agree(principal, number)
    return browser

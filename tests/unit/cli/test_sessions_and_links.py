"""`transfer launch` and `transfer session`, and the settings of launch links."""

import asyncio
from pathlib import Path

import pytest

from tests.portal import Portal
from tests.unit.cli.conftest import Run
from transfer.core.access import Role
from transfer.engine.attempts import Attempts
from transfer.engine.launches import Launches
from transfer.ports import Method, Session
from transfer.settings import load
from transfer.wiring.parts import open_parts

URL = "https://transfer.example.com/files"


@pytest.fixture(autouse=True)
def _public_url(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_PUBLIC_URL", URL)


def follow(token: str) -> Session:
    """Follow a link of the service's own, as the HTTP door does."""

    async def run() -> Session:
        async with open_parts(load()) as parts:
            launches = Launches(
                parts.tools, parts.sessions, Attempts(parts.tools), [parts.links.issuer]
            )
            return (await launches.follow(token, address="192.0.2.1")).session

    return asyncio.run(run())


def test_a_link_is_printed_alone_and_signs_in(run: Run, case: str) -> None:
    made = run("launch", "link", "--role", "designated", "--case", case, "--user", "Jo")
    assert made.status == 0
    url, _, token = made.out.strip().partition("?token=")
    assert url == f"{URL}/launch"
    session = follow(token)
    assert (session.name, session.role, session.case_number) == ("Jo", Role.DESIGNATED, case)
    assert session.method is Method.LINK


def test_a_link_needs_an_address_that_it_leads_to(
    run: Run, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRANSFER_PUBLIC_URL")
    made = run("launch", "link", "--role", "analyst")
    assert made.status == 1
    assert "TRANSFER_PUBLIC_URL" in made.err


def test_a_link_for_a_customer_needs_a_case(run: Run, case: str) -> None:
    assert "needs a case" in run("launch", "link", "--role", "read-only").err


def test_sessions_are_listed_and_ended_in_three_ways(run: Run, case: str) -> None:
    def sign_in(user: str) -> Session:
        words = ("launch", "link", "--role", "designated", "--case", case, "--user", user)
        return follow(run(*words).out.strip().partition("?token=")[2])

    def listed(*words: str) -> list[str]:
        found = run("session", "list", "--json", *words).json["sessions"]
        return [one["name"] for one in found]

    one, two = sign_in("one"), sign_in("two")
    sign_in("three")
    assert sorted(listed()) == ["one", "three", "two"]
    assert listed("--subject", one.subject) == ["one"]
    assert run("session", "end", two.id).out == "Ended: 1\n"
    assert run("session", "end", "--subject", one.subject).out == "Ended: 1\n"
    assert listed("--case", case) == ["three"]
    assert run("session", "end", "--case", case).out == "Ended: 1\n"
    assert listed() == []
    assert "There are no sessions" in run("session", "list").err


@pytest.mark.parametrize("words", [(), ("id", "--subject", "x")])
def test_what_to_end_is_named_in_one_way(run: Run, case: str, words: tuple[str, ...]) -> None:
    ended = run("session", "end", *words)
    assert ended.status == 1
    assert "Name one of these" in ended.err


def test_a_session_that_is_not_there_can_not_be_ended(run: Run, case: str) -> None:
    assert run("session", "end", "nowhere").status == 1


# ── Settings ─────────────────────────────────────────────────────────────────────────────────


def test_launch_links_are_set_whole_or_not_at_all(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRANSFER_LAUNCH_ISSUER", "https://portal.example.com")
    faults = run("check-config").err
    assert "TRANSFER_LAUNCH_AUDIENCE: missing" in faults
    monkeypatch.setenv("TRANSFER_LAUNCH_AUDIENCE", "case-transfer")
    faults = run("check-config").err
    assert "TRANSFER_LAUNCH_KEYS_FILE" in faults
    assert "TRANSFER_LAUNCH_JWKS_URL" in faults
    keys = tmp_path / "keys.pem"
    keys.write_bytes(Portal().pem)
    monkeypatch.setenv("TRANSFER_LAUNCH_KEYS_FILE", str(keys))
    assert run("check-config").status == 0
    monkeypatch.setenv("TRANSFER_LAUNCH_JWKS_URL", "https://portal.example.com/jwks.json")
    assert run("check-config").status == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAUNCH_JWKS_URL", "http://portal.example.com/jwks.json"),
        ("LAUNCH_ROLES", "designated, owner"),
        ("LINK_LIFETIME", "25h"),
        ("SESSION_IDLE", "0s"),
        ("PORTAL_URL", "javascript:alert(1)"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TRANSFER_{name}", value)
    assert f"TRANSFER_{name}: expected" in run("check-config").err


def test_an_operator_may_let_the_portal_give_more_roles(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(load().launch_roles) == {Role.DESIGNATED, Role.READ_ONLY}
    monkeypatch.setenv("TRANSFER_LAUNCH_ROLES", "designated,analyst")
    assert load().launch_roles == (Role.DESIGNATED, Role.ANALYST)

"""Retention by the API: the terms of accounts, and what proves deletions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.retention import PERIOD
from transfer.ports import DeletionClaim
from transfer.retention.policy import DeletionTools
from transfer.retention.purge import CasePurge
from transfer.retention.purge_report import PurgeOutcome

TERMS = "/api/v1/account-terms"
STUCK = "/api/v1/stuck-deletions"
RECEIPTS = f"/api/v1/cases/{NUMBER}/deletion-receipts"
ACCOUNT = "Example Ltd"
HELD = {"account": ACCOUNT, "reason": "Litigation"}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    async with http_room(tmp_path) as made:
        yield made


async def delete(room: HttpRoom) -> None:
    """Close the case and have its data deleted when it is due."""
    engine = room.engine
    await engine.core.close(NUMBER, None, "ada")
    engine.clock.advance(PERIOD)
    tools = DeletionTools(
        records=engine.records,
        store=engine.store,
        core=engine.core,
        clock=engine.clock,
        receipts=engine.deletion_receipts,
    )
    assert (await CasePurge(tools).run(NUMBER)).outcome is PurgeOutcome.FINISHED


async def test_an_admin_sets_a_period_and_lists_it(room: HttpRoom) -> None:
    new = {"account": ACCOUNT, "period_seconds": 7_776_000}
    answer = await room.ask("POST", f"{TERMS}/period", json=new, who="admin")
    assert answer.status == 200, answer.body
    terms = answer.json()
    assert (terms["account"], terms["period_seconds"], terms["hold"]) == (ACCOUNT, 7_776_000, None)
    assert terms["changed_by"] == "admin"
    listed = (await room.ask("GET", TERMS, who="admin")).json()
    assert listed == {"accounts": [terms], "next": None}
    await room.engine.core.close(NUMBER, None, "ada")
    case = (await room.ask("GET", f"/api/v1/cases/{NUMBER}")).json()
    assert case["deletion_due_at"] == "2026-05-31T09:00:00Z"
    await room.ask("POST", f"{TERMS}/period", json={"account": ACCOUNT}, who="admin")
    assert (await room.ask("GET", TERMS, who="admin")).json()["accounts"] == []


async def test_an_admin_holds_an_account_and_frees_it(room: HttpRoom) -> None:
    answer = await room.ask("POST", f"{TERMS}/hold", json=HELD, who="admin")
    assert answer.status == 200, answer.body
    hold = answer.json()["hold"]
    assert (hold["reason"], hold["placed_by"]) == ("Litigation", "admin")
    await room.engine.core.close(NUMBER, None, "ada")
    [planned] = (await room.ask("GET", "/api/v1/deletions", who="admin")).json()["cases"]
    assert (planned["verdict"], planned["hold"]) == ("held", hold)
    again = await room.ask("POST", f"{TERMS}/hold", json=HELD, who="admin")
    assert (again.status, again.code) == (409, "case-state")
    free = {"account": ACCOUNT}
    lifted = await room.ask("POST", f"{TERMS}/unhold", json=free, who="admin")
    assert lifted.json()["hold"] is None
    again = await room.ask("POST", f"{TERMS}/unhold", json=free, who="admin")
    assert (again.status, again.code) == (409, "case-state")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("period", {}),
        ("period", {"account": "", "period_seconds": 1}),
        ("period", {"account": ACCOUNT, "period_seconds": -1}),
        ("period", {"account": ACCOUNT, "period_seconds": 10**12}),
        ("period", {"account": ACCOUNT, "period_seconds": 1, "surplus": 1}),
        ("hold", {"account": ACCOUNT}),
        ("hold", {"account": ACCOUNT, "reason": " "}),
        ("hold", {"account": "a\u2028b", "reason": "Litigation"}),
        ("unhold", {}),
    ],
)
async def test_what_is_malformed_is_refused(
    room: HttpRoom, path: str, body: dict[str, object]
) -> None:
    answer = await room.ask("POST", f"{TERMS}/{path}", json=body, who="admin")
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert (await room.ask("GET", TERMS, who="admin")).json()["accounts"] == []


@pytest.mark.parametrize("who", ["designated", "read-only", "analyst"])
async def test_nobody_but_admins_may(room: HttpRoom, who: str) -> None:
    asked = [("GET", TERMS), ("GET", STUCK)]
    asked += [("POST", f"{TERMS}/{name}") for name in ("period", "hold", "unhold")]
    for method, path in asked:
        body = HELD if path.endswith("/hold") else {"account": ACCOUNT}
        answer = await room.ask(method, path, json=body if method == "POST" else None, who=who)
        assert (answer.status, answer.code) == (403, "forbidden"), path


async def test_deletions_that_can_not_go_on_are_listed(room: HttpRoom) -> None:
    now = room.engine.clock.now()
    deletions = room.engine.records.deletions
    claim = DeletionClaim(number=NUMBER, worker="test", until=now)
    assert await deletions.claim(claim, now)
    assert await deletions.get_stuck(NUMBER, 2, "AccessDenied", now)
    listed = (await room.ask("GET", STUCK, who="admin")).json()
    assert listed == {
        "deletions": [
            {
                "case": NUMBER,
                "since": "2026-03-02T09:00:00Z",
                "left": 2,
                "problem": "AccessDenied",
            }
        ],
        "next": None,
    }


async def test_the_receipt_of_a_deletion_is_for_all_who_see_the_case(room: HttpRoom) -> None:
    await room.send(b"12345")
    assert (await room.ask("GET", RECEIPTS)).json() == {"receipts": []}
    await delete(room)
    _, secret = await room.engine.tokens.issue(Role.DESIGNATED, "later", NUMBER, issued_by="test")
    answer = await room.ask(
        "GET", RECEIPTS, who=None, headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status == 200, answer.body
    [receipt] = answer.json()["receipts"]
    assert receipt["receipt"]["case"] == NUMBER
    assert receipt["receipt"]["rows"]["files"] == 1
    keys = (await room.ask("GET", "/api/v1/receipt-keys", who=None)).json()["keys"]
    assert receipt["key_id"] in {key["kid"] for key in keys}

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.contract.records.scenario import ANALYST, NOW, NUMBER, OTHER_NUMBER, after, audited
from transfer.core.access import Role
from transfer.ports import CredentialKind, Failures, Method, Presented, Records, Session

SESSION = Session(
    id="session-1",
    family="session-1",
    name="Jo Smith",
    role=Role.DESIGNATED,
    case_number=NUMBER,
    subject="contact-7",
    method=Method.LAUNCH,
    address="192.0.2.7",
    began_at=NOW,
    seen_at=NOW,
    expires_at=NOW + timedelta(hours=12),
)
OTHER_CASE = replace(SESSION, id="session-2", case_number=OTHER_NUMBER, began_at=after(1))
STRANGER = replace(SESSION, id="session-3", family="session-3", subject="contact-8")
SECRETS = {one.id: bytes([number]) * 32 for number, one in enumerate((SESSION, OTHER_CASE))}


async def insert(records: Records, *sessions: Session) -> None:
    for session in sessions:
        secret = SECRETS.get(session.id, session.id.encode())
        await records.sessions.insert(session, secret)


async def test_a_session_is_found_by_the_digest_of_its_secret(records: Records) -> None:
    await insert(records, SESSION)
    found = await records.sessions.by_secret(SECRETS[SESSION.id], NOW)
    assert found == Presented(session=SESSION, cases=frozenset({NUMBER}))
    assert await records.sessions.by_secret(b"another", NOW) is None
    assert await audited(records) == ["session.began"]


async def test_a_session_for_all_cases_opens_them_all(records: Records) -> None:
    analyst = replace(SESSION, case_number=None, role=Role.ANALYST, method=Method.OIDC)
    await insert(records, analyst)
    found = await records.sessions.by_secret(SECRETS[SESSION.id], NOW)
    assert found == Presented(session=analyst, cases=None)


async def test_sessions_of_a_family_open_each_other_s_cases_while_they_live(
    records: Records,
) -> None:
    longer = replace(OTHER_CASE, expires_at=SESSION.expires_at + timedelta(hours=1))
    await insert(records, SESSION, longer, STRANGER)
    both = await records.sessions.by_secret(SECRETS[longer.id], NOW)
    assert both == Presented(session=longer, cases=frozenset({NUMBER, OTHER_NUMBER}))
    later = await records.sessions.by_secret(SECRETS[longer.id], SESSION.expires_at)
    assert later == Presented(session=longer, cases=frozenset({OTHER_NUMBER}))
    await records.sessions.end([SESSION.id], ANALYST, after(5))
    ended = await records.sessions.by_secret(SECRETS[longer.id], after(5))
    assert ended == Presented(session=longer, cases=frozenset({OTHER_NUMBER}))


async def test_a_session_that_is_used_is_seen_and_never_earlier_than_before(
    records: Records,
) -> None:
    await insert(records, SESSION, OTHER_CASE)
    await records.sessions.seen([SESSION.id], after(60))
    await records.sessions.seen([SESSION.id, "nowhere"], after(30))
    found = {one.id: one for one in await records.sessions.standing([SESSION.id, OTHER_CASE.id])}
    assert found == {
        SESSION.id: replace(SESSION, seen_at=after(60)),
        OTHER_CASE.id: OTHER_CASE,
    }


async def test_sessions_are_listed_newest_first_by_case_and_by_person(records: Records) -> None:
    await insert(records, SESSION, OTHER_CASE, STRANGER)
    listed = records.sessions.sessions
    assert await listed() == [OTHER_CASE, STRANGER, SESSION]
    assert await listed(case_number=NUMBER) == [STRANGER, SESSION]
    assert await listed(subject="contact-8") == [STRANGER]
    await records.sessions.end([STRANGER.id], ANALYST, after(2))
    assert await listed(active_at=after(3)) == [OTHER_CASE, SESSION]
    assert await listed(active_at=SESSION.expires_at) == []


async def test_the_first_end_of_a_session_stays_and_is_noted_once(records: Records) -> None:
    await insert(records, SESSION)
    ended = replace(SESSION, ended_at=after(5))
    assert await records.sessions.end([SESSION.id], ANALYST, after(5)) == [ended]
    assert await records.sessions.end([SESSION.id], ANALYST, after(6)) == []
    assert await records.sessions.standing([SESSION.id]) == [ended]
    assert await audited(records) == ["session.began", "session.ended"]


async def test_a_family_ends_as_one_and_leaves_others_alone(records: Records) -> None:
    await insert(records, SESSION, OTHER_CASE, STRANGER)
    ended = await records.sessions.end_family(SESSION.family, ANALYST, after(5))
    assert {one.id for one in ended} == {SESSION.id, OTHER_CASE.id}
    assert await records.sessions.sessions(active_at=after(6)) == [STRANGER]


async def test_sessions_that_were_over_before_then_are_forgotten(records: Records) -> None:
    await insert(records, SESSION, OTHER_CASE, STRANGER)
    await records.sessions.end([STRANGER.id], ANALYST, after(5))
    assert await records.sessions.forget(after(5)) == 0
    assert await records.sessions.forget(after(6)) == 1
    assert await records.sessions.forget(SESSION.expires_at + timedelta(seconds=1)) == 2
    assert await records.sessions.sessions() == []


async def test_a_launch_is_used_once_by_whoever_comes_first(records: Records) -> None:
    uses = [records.launches.use("launch-1", after(300)) for _ in range(8)]
    assert sorted(await asyncio.gather(*uses)) == [False] * 7 + [True]
    assert await records.launches.use("launch-2", after(400))


async def test_a_launch_is_remembered_until_it_has_expired(records: Records) -> None:
    await records.launches.use("launch-1", after(300))
    assert await records.launches.forget(after(300)) == 0
    assert await records.launches.forget(after(301)) == 1
    assert await records.launches.use("launch-1", after(600))


async def test_failures_are_counted_by_kind_and_source_and_none_is_lost(records: Records) -> None:
    count = records.attempts.count
    counted = [count(CredentialKind.TOKEN, "192.0.2.1", NOW, after(-60)) for _ in range(8)]
    assert sorted(await asyncio.gather(*counted)) == list(range(1, 9))
    assert await count(CredentialKind.TOKEN, "192.0.2.2", NOW, after(-60)) == 1
    assert await count(CredentialKind.SESSION, "192.0.2.1", NOW, after(-60)) == 1
    assert await records.attempts.failures(CredentialKind.LAUNCH, ["192.0.2.1"]) == {}


async def test_failures_of_long_ago_are_forgotten_and_with_them_the_wait(
    records: Records,
) -> None:
    attempts, token = records.attempts, CredentialKind.TOKEN
    await attempts.count(token, "192.0.2.1", NOW, after(-60))
    await attempts.delay(token, "192.0.2.1", after(900))
    assert await attempts.count(token, "192.0.2.1", after(60), NOW) == 2
    assert await attempts.failures(token, ["192.0.2.1", "192.0.2.2"]) == {
        "192.0.2.1": Failures(count=2, wait_until=after(900), last_at=after(60))
    }
    assert await attempts.count(token, "192.0.2.1", after(200), after(100)) == 1
    assert await attempts.failures(token, ["192.0.2.1"]) == {
        "192.0.2.1": Failures(count=1, wait_until=None, last_at=after(200))
    }
    assert await attempts.forget(after(200)) == 0
    assert await attempts.forget(after(201)) == 1


async def test_a_wait_is_never_made_shorter(records: Records) -> None:
    attempts, token = records.attempts, CredentialKind.TOKEN
    await attempts.count(token, "192.0.2.1", NOW, after(-60))
    await attempts.delay(token, "192.0.2.1", after(30))
    await attempts.delay(token, "192.0.2.1", after(10))
    counted = await attempts.failures(token, ["192.0.2.1"])
    assert counted == {"192.0.2.1": Failures(count=1, wait_until=after(30), last_at=NOW)}


async def test_what_is_forgiven_counts_no_more_and_all_else_does(records: Records) -> None:
    attempts, kind = records.attempts, CredentialKind.SFTP
    for source in ("192.0.2.1", "name:1", "192.0.2.2"):
        await attempts.count(kind, source, NOW, after(-60))
    await attempts.count(CredentialKind.TOKEN, "192.0.2.1", NOW, after(-60))
    await attempts.forgive(kind, ["192.0.2.1", "name:1", "never seen"])
    assert set(await attempts.failures(kind, ["192.0.2.1", "name:1", "192.0.2.2"])) == {"192.0.2.2"}
    assert await attempts.failures(CredentialKind.TOKEN, ["192.0.2.1"]) != {}

"""Promises: who may, and what is told as done"""

import pytest

from tests.conformance.rufh import Rufh
from tests.conformance.tus import BYTES, VERSION, Tus, metadata

pytestmark = pytest.mark.e2e

DATA = bytes(range(256)) * 40


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
async def test_access_is_checked_at_every_verb(tus: Tus, method: str) -> None:
    """Who isn't let in is refused at every verb, not only at creation; nothing changes."""
    if tus.target.token is None:
        tus.subject.not_offered("access by token")
    path = await tus.begin(len(DATA))
    where, body = (tus.target.create if method == "POST" else path), b""
    sent = {**VERSION, "Upload-Length": "10"} if method == "POST" else dict(VERSION)
    if method == "PATCH":
        sent, body = {**VERSION, **BYTES, "Upload-Offset": "0"}, DATA
    answer = await tus.target.ask(method, where, sent, body, anonymous=True)
    assert answer.status in (401, 403, 404), answer
    assert await tus.offset(path) == 0


async def test_a_refused_finish_is_not_told_as_done(tus: Tus) -> None:
    """A file that is refused at its finish isn't told as done: not by PATCH, not by HEAD."""
    path = await tus.begin(len(DATA), metadata(filename="trace.log", sha256="0" * 64))
    answer = await tus.patch(path, 0, DATA)
    if answer.is_success:
        tus.subject.not_offered("metadata sha256")
    told = await tus.head(path)
    assert not (told.is_success and told.headers.get("Upload-Offset") == str(len(DATA))), told


async def test_an_upload_of_one_protocol_is_finished_by_the_other(final: Rufh) -> None:
    """What tus has begun, RUFH can finish at the same URL."""
    tus = Tus(final.subject)
    path = await tus.begin(len(DATA))
    assert (await tus.patch(path, 0, DATA[:1000])).status == 204
    told = await final.head(path)
    if told.headers.get("Upload-Offset") != "1000":
        final.subject.not_offered("both protocols on one upload")
    assert (await final.append(path, 1000, DATA[1000:], ends=True)).is_success
    assert await tus.content(path) == DATA

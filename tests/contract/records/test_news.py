"""News of the case core in rows, and whose turn it is to read."""

from datetime import timedelta

from tests.contract.records.scenario import NOW, NUMBER, after
from transfer.ports import CaseNews, ReadingMark, Records

AHEAD = timedelta(days=3)
MINUTE = timedelta(minutes=1)


async def test_news_that_a_clock_days_ahead_has_put_off_is_followed_when_it_is_right_again(
    records: Records,
) -> None:
    for name in ("claimed", "failed"):
        news = CaseNews(
            id=name, type="case.closed", case_number=NUMBER, version=2, received_at=NOW + AHEAD
        )
        assert await records.inbox.put(news)
    assert len(await records.inbox.claim(NOW + AHEAD, NOW + AHEAD + 2 * MINUTE)) == 2
    await records.inbox.retry(["failed"], NOW + AHEAD + 5 * MINUTE, "away")
    found = await records.inbox.claim(NOW, NOW + 2 * MINUTE)
    assert {one.id for one in found} == {"claimed", "failed"}
    assert await records.inbox.claim(after(1), after(1) + 2 * MINUTE) == []


async def test_a_source_that_a_clock_days_ahead_has_claimed_is_read_when_it_is_right_again(
    records: Records,
) -> None:
    marks = records.reading_marks
    assert await marks.claim("core", "one", NOW + AHEAD, NOW + AHEAD + 2 * MINUTE)
    mark = await marks.claim("core", "two", NOW, NOW + 2 * MINUTE)
    assert mark == ReadingMark(cursor=None, read_at=None)
    assert await marks.claim("core", "three", after(1), after(1) + 2 * MINUTE) is None
    assert await marks.claim("core", "three", after(1), after(1)) is None

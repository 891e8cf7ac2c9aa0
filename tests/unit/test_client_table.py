"""The table of SFTP clients: what is kept of it, and that no client does less than it says."""

from pathlib import Path

import pytest

from tests.clients.client import Client
from tests.clients.clients import CLIENTS
from tests.clients.paramiko_client import Paramiko
from tests.clients.rclone_client import Rclone
from tests.clients.table import BEGIN, END, Row, Seen, made, parsed, updated, with_table
from tests.clients.works import Standing, Work

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "sftp-clients.md"
EMPTY = f"Before.\n\n{BEGIN}\n{END}\n\nAfter.\n"


def seen(client: type[Client], work: Work, standing: Standing = Standing.WORKS) -> Seen:
    return Seen(client=client.name, version="1.0", work=work, standing=standing)


def test_no_client_does_less_than_the_document_says() -> None:
    by_name = {client.name: client for client in CLIENTS}
    kept = parsed(DOCUMENT.read_text())
    assert set(kept) == set(by_name)
    worse = [
        f"{name}: {work.value}"
        for name, row in kept.items()
        for work, standing in row.cells.items()
        if by_name[name].standing(work) < standing
    ]
    assert worse == []


def test_the_document_has_seen_every_work_but_those_that_take_too_long() -> None:
    for name, row in parsed(DOCUMENT.read_text()).items():
        assert set(Work) - set(row.cells) <= {Work.BIG}, name


def test_what_is_written_is_read_again() -> None:
    rows = updated({}, [seen(Rclone, work) for work in Work], [Rclone])
    document = with_table(EMPTY, made(rows, [Rclone]))
    assert parsed(document) == rows
    assert document.startswith("Before.")
    assert document.endswith("After.\n")
    assert with_table(document, made(rows, [Rclone])) == document


def test_what_did_not_run_stays_as_it_was() -> None:
    before = {Paramiko.name: Row(version="0.9", cells={Work.BIG: Standing.WORKS})}
    rows = updated(before, [seen(Paramiko, Work.PUT)], [Paramiko, Rclone])
    assert rows[Paramiko.name].version == "1.0"
    assert rows[Paramiko.name].cells == {Work.PUT: Standing.WORKS, Work.BIG: Standing.WORKS}
    assert rows[Rclone.name].version == "?"
    assert parsed(with_table(EMPTY, made(rows, [Paramiko, Rclone]))) == rows


def test_the_worst_of_several_counts_and_what_a_client_cannot_do_is_as_it_says() -> None:
    ran = [seen(Rclone, Work.RESUME), seen(Rclone, Work.RESUME, Standing.FAILS)]
    cells = updated({}, ran, [Rclone])[Rclone.name].cells
    assert cells == {Work.RESUME: Standing.FAILS, Work.GET_RESUME: Standing.CANNOT}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_work_that_is_done_has_its_words(client: type[Client]) -> None:
    assert client.way(Work.PUT) == client.way(Work.OVERWRITE) == client.way(Work.BIG)
    assert client.way(Work.KILL) == client.way(Work.RESUME)
    assert client.standing(Work.GET) >= Standing.FAILS

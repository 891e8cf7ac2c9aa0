"""asyncssh's own log."""

import logging

import pytest
from asyncssh.logging import SSHLogger

from transfer.sftp.logs import SparingLogger


class Costly:
    """What is to be told, if anybody listens."""

    told = 0

    def __str__(self) -> str:
        self.told += 1
        return "told"


@pytest.fixture
def logger() -> SparingLogger:
    return SparingLogger.like(SSHLogger(context="conn=1").get_child("sftp", "chan=2"))


def test_nothing_is_put_together_that_nobody_wants(
    logger: SparingLogger, caplog: pytest.LogCaptureFixture
) -> None:
    costly = Costly()
    with caplog.at_level(logging.INFO, "asyncssh"):
        logger.debug1("Sending %s", [costly])
    assert not costly.told
    assert not caplog.records


def test_what_is_wanted_is_logged_as_asyncssh_does(
    logger: SparingLogger, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "asyncssh"):
        logger.debug1("Sending %s", [Costly()])
    assert [(one.name, one.getMessage()) for one in caplog.records] == [
        ("asyncssh.sftp", "[conn=1, chan=2] Sending told")
    ]

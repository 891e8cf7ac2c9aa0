"""Logs: what they look like, and what they never have."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.logs import own_logs
from transfer.telemetry import configure_logs

__all__ = ["own_logs"]

pytestmark = pytest.mark.usefixtures("own_logs")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with io.StringIO() as stream:
        yield stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(password: str) -> None:
    raise RuntimeError(f"no entry, {len(password)}")


def test_an_event_is_one_json_object_with_what_is_bound_to_its_process(
    stream: io.StringIO,
) -> None:
    configure_logs("info", "json", stream=stream, member=3)
    structlog.get_logger().info("upload.received", upload="f00d", size=17)
    [line] = lines(stream)
    assert (line["event"], line["upload"], line["size"]) == ("upload.received", "f00d", 17)
    assert (line["level"], line["member"]) == ("info", 3)
    assert str(line["timestamp"]).endswith("Z")


def test_events_below_the_level_are_left_out(stream: io.StringIO) -> None:
    configure_logs("warning", "json", stream=stream)
    structlog.get_logger().info("upload.received")
    logging.getLogger("some.library").info("hello")
    assert lines(stream) == []


def test_libraries_log_in_the_same_form(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream=stream)
    logging.getLogger("some.library").warning("%s of %s", 1, 2)
    [line] = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("1 of 2", "some.library", "warning")


@pytest.mark.parametrize("name", ["botocore.auth", "asyncssh", "sqlalchemy.engine"])
def test_libraries_that_log_secrets_and_names_are_quiet_even_when_all_is_asked_for(
    stream: io.StringIO, name: str
) -> None:
    configure_logs("debug", "json", stream=stream)
    logging.getLogger(name).info("AWS4-HMAC-SHA256 Credential=…, put /case/secret-name.log")
    logging.getLogger("aiohttp.access").error("GET /launch?token=secret")
    assert lines(stream) == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_has_no_values_of_variables(stream: io.StringIO, form: str) -> None:
    configure_logs("info", form, stream=stream)
    try:
        fail("-".join(["hush", "hush"]))
    except RuntimeError:
        structlog.get_logger().exception("failed")
        logging.getLogger("some.library").exception("failed")
    assert stream.getvalue().count("RuntimeError: no entry") == 2
    assert "hush-hush" not in stream.getvalue()


def test_a_bearer_token_is_struck_out_wherever_it_stands(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream=stream)
    structlog.get_logger().info("asked", header="Bearer ctt_abc-DEF_123")
    logging.getLogger("some.library").warning("got ctt_abc-DEF_123!")
    assert "abc-DEF_123" not in stream.getvalue()
    assert stream.getvalue().count("ctt_***") == 2


def test_it_is_for_people_on_a_terminal_and_for_programs_elsewhere(stream: io.StringIO) -> None:
    with Terminal() as terminal:
        configure_logs("info", "auto", stream=terminal)
        structlog.get_logger().info("service.ready")
        assert not terminal.getvalue().startswith("{")
    configure_logs("info", "auto", stream=stream)
    structlog.get_logger().info("service.ready")
    assert lines(stream)[0]["event"] == "service.ready"

"""Signatures of events, as Standard Webhooks has them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from transfer.casebridge.signatures import ID, SIGNATURE, TIMESTAMP, SigningKeys, parse_keys
from transfer.clock import SystemClock
from transfer.core.errors import InvalidRequestError, NotSignedInError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLD = f"whsec_{base64.b64encode(b'o' * 32).decode()}"
NEW = f"whsec_{base64.b64encode(b'n' * 24).decode()}"
OTHER = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
BODY = '{"subject":"0003256109","naïve":"☃"}'


def checked(headers: dict[str, str], body: bytes = BODY.encode(), now: datetime = NOW) -> str:
    return SigningKeys([NEW, OLD]).check(headers, body, now)


@pytest.mark.parametrize("key", [OLD, NEW])
def test_while_one_key_replaces_the_other_either_signs(key: str) -> None:
    assert checked(SigningKeys([key]).sign("m1", BODY, NOW)) == "m1"


def test_what_is_sent_is_signed_by_both_so_that_a_receiver_may_have_either() -> None:
    now = SystemClock().now()
    headers = SigningKeys([NEW, OLD]).sign("m1", BODY, now)
    for key in (OLD, NEW):
        assert Webhook(key).verify(BODY, headers)["subject"] == "0003256109"


def test_what_another_implementation_signs_is_taken() -> None:
    signature = Webhook(OLD).sign("m1", NOW, BODY)
    stamp = str(int(NOW.timestamp()))
    assert checked({ID: "m1", TIMESTAMP: stamp, SIGNATURE: f"v1a,bm8= {signature}"}) == "m1"


def test_nobody_else_signs_for_them() -> None:
    with pytest.raises(NotSignedInError, match="no webhook-signature"):
        checked(SigningKeys([OTHER]).sign("m1", BODY, NOW))


@pytest.mark.parametrize(
    "change",
    [
        {ID: "m2"},
        {TIMESTAMP: str(int(NOW.timestamp()) + 1)},
        {SIGNATURE: ""},
        {SIGNATURE: "v1,"},
        {SIGNATURE: "v1,ö"},
        {SIGNATURE: "nothing at all"},
    ],
)
def test_a_part_that_was_changed_is_noticed(change: dict[str, str]) -> None:
    with pytest.raises(NotSignedInError, match="no webhook-signature"):
        checked({**SigningKeys([OLD]).sign("m1", BODY, NOW), **change})


def test_a_body_that_was_changed_is_noticed() -> None:
    headers = SigningKeys([OLD]).sign("m1", BODY, NOW)
    with pytest.raises(NotSignedInError, match="no webhook-signature"):
        checked(headers, BODY.replace("9", "8").encode())
    with pytest.raises(NotSignedInError, match="UTF-8"):
        checked(headers, b"\xff")


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_message_is_refused_and_so_is_one_of_the_future(seconds: int) -> None:
    headers = SigningKeys([OLD]).sign("m1", BODY, NOW)
    assert checked(headers, now=NOW + timedelta(seconds=seconds - seconds // 301)) == "m1"
    with pytest.raises(NotSignedInError, match="five minutes"):
        checked(headers, now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("stamp", ["", "now", "-5", "1e9", "9" * 12, "9" * 30, "١٢"])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    headers = SigningKeys([OLD]).sign("m1", BODY, NOW)
    with pytest.raises(NotSignedInError, match="webhook-timestamp"):
        checked({**headers, TIMESTAMP: stamp})


@pytest.mark.parametrize("message_id", ["", "x" * 201, "a\nb"])
def test_an_id_that_is_none_is_refused(message_id: str) -> None:
    headers = SigningKeys([OLD]).sign("m1", BODY, NOW)
    with pytest.raises(NotSignedInError, match="webhook-id"):
        checked({**headers, ID: message_id})


@given(st.dictionaries(st.sampled_from([ID, TIMESTAMP, SIGNATURE]), st.text()), st.binary())
def test_whatever_comes_is_refused_and_nothing_breaks(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotSignedInError):
        checked(headers, body)


def test_a_key_file_has_a_key_a_line_and_may_have_comments() -> None:
    keys = parse_keys(f"# since March\n{NEW}\n\n  {OLD.removeprefix('whsec_').rstrip('=')}  \n")
    for key in (NEW, OLD):
        assert keys.check(SigningKeys([key]).sign("m1", BODY, NOW), BODY.encode(), NOW) == "m1"


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", f"{OLD}\n{NEW}\n{OTHER}\n", "whsec_", "whsec_ö", "whsec_c2hvcnQ=", "pass!"],
)
def test_a_key_file_that_can_not_be_used_is_refused_without_its_content(text: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse_keys(text)
    assert "c2hvcnQ" not in refused.value.message

"""Signatures of events that come and go by HTTP, as Standard Webhooks has them.

A key file has one or two keys, `whsec_…`, a line each: while one replaces the other, what comes in
may be signed by either, and what goes out is signed by both.

Source: Standard Webhooks 1.0.
"""

import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from transfer.core.errors import InvalidRequestError, NotSignedInError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

WINDOW = timedelta(minutes=5)
"""How far from now, before or behind, a signature may have been made."""

_MOST_KEYS = 2
_LEAST_KEY_BYTES = 24
_LONGEST_ID = 200
_LONGEST_TIMESTAMP = 12
_MOST_SIGNATURES = 10


class SigningKeys:
    """The keys of one file; see the module."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take `keys`, the one that stays first.

        Raises:
            InvalidRequestError: none, too many, or one that is none.
        """
        if not 1 <= len(keys) <= _MOST_KEYS:
            raise InvalidRequestError("There are one or two keys, a line each.")
        self._webhooks = [_webhook(key) for key in keys]

    def sign(self, message_id: str, body: str, now: datetime) -> dict[str, str]:
        """Return the headers that go with `body`."""
        stamp = datetime.fromtimestamp(int(now.timestamp()), UTC)
        return {
            ID: message_id,
            TIMESTAMP: str(int(stamp.timestamp())),
            SIGNATURE: " ".join(one.sign(message_id, stamp, body) for one in self._webhooks),
        }

    def check(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Return the id of a message, if one of the keys has signed it just now.

        Raises:
            NotSignedInError: it is forged, damaged, or too old or too new.
        """
        message_id = headers.get(ID, "")
        stamp = _moment(headers.get(TIMESTAMP, ""))
        given = headers.get(SIGNATURE, "").split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES]
        if not 1 <= len(message_id) <= _LONGEST_ID or not message_id.isprintable():
            raise _refused("it has no webhook-id")
        if stamp is None:
            raise _refused("it has no webhook-timestamp")
        if abs(now - stamp) > WINDOW:
            raise _refused("its webhook-timestamp is more than five minutes from now")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise _refused("its body is not UTF-8") from exc
        good = [one.sign(message_id, stamp, text).encode() for one in self._webhooks]
        # Each with each, so that the time taken tells nothing.
        matches = [
            hmac.compare_digest(one, other.encode("utf-8", "surrogateescape"))
            for one in good
            for other in given
        ]
        if not any(matches):
            raise _refused("no webhook-signature is by a key that is known here")
        return message_id


def parse_keys(text: str) -> SigningKeys:
    """Return the keys of a file; empty lines, and those behind a `#`, are none.

    Raises:
        InvalidRequestError: none, too many, or one that is none.
    """
    lines = (line.strip() for line in text.splitlines())
    return SigningKeys([line for line in lines if line and not line.startswith("#")])


def _webhook(key: str) -> Webhook:
    encoded = key.removeprefix("whsec_")
    try:
        secret = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
        if len(secret) >= _LEAST_KEY_BYTES:
            return Webhook(secret)
    except (binascii.Error, ValueError, EmptyWebhookSecretError):
        pass
    raise InvalidRequestError(
        f"A key is whsec_ and {_LEAST_KEY_BYTES} random bytes or more in Base64."
    )


def _moment(text: str) -> datetime | None:
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_TIMESTAMP:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _refused(why: str) -> NotSignedInError:
    return NotSignedInError(f"This event is not taken: {why}.")

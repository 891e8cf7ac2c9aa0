"""SSH public keys that sign somebody in, as they are kept and shown."""

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key that was read and found good; `blob` is what SSH sends of it (RFC 4253, 6.6).

    Two keys are the same if their blobs are: the comment is for people.
    """

    algorithm: str
    blob: bytes
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        """What people compare, like `SHA256:…`, as ssh-keygen shows it."""
        digest = hashlib.sha256(self.blob).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    @property
    def line(self) -> str:
        """The key as it stands in a .pub file."""
        return f"{self.algorithm} {base64.b64encode(self.blob).decode()} {self.comment}".rstrip()


def key_of_line(line: str) -> PublicKey:
    """Return the key of which `line` is the `line`."""
    algorithm, blob, *comment = line.split(" ", 2)
    return PublicKey(
        algorithm=algorithm, blob=base64.b64decode(blob), comment=comment[0] if comment else ""
    )

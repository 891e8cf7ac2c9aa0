"""The warning that customers acknowledge before they send anything: its text, and its version."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from transfer.core.access import CUSTOMER_ROLES, Door, Principal

_VERSION_DIGITS = 12

DEFAULT_TEXT = """\
Before you send files to Customer Care

The files you add to this case are read by people who work on it, and are kept until they are \
deleted some time after the case is closed.

Please send only what is needed to solve the case. Take out, or make unreadable, what is not:

- passwords, private keys and access tokens;
- personal data of your employees, customers or callers, such as names, numbers and recordings;
- health, payment-card and other data that laws or contracts protect in particular;
- anything subject to export control or classified by a government.

By acknowledging this you confirm that you have read it, and that you are allowed to send what \
you send.
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """One wording of the warning."""

    text: str = DEFAULT_TEXT

    @property
    def version(self) -> str:
        """What tells it from every other wording."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:_VERSION_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The warning as one person sees it in one case; None until they have acknowledged it."""

    notice: Notice
    acknowledged_at: datetime | None


def must_acknowledge(principal: Principal) -> bool:
    """Whether `principal` acknowledges the warning before sending a file.

    Customers do. Staff wrote it; an SFTP account was issued by somebody who attested for it.
    """
    return principal.role in CUSTOMER_ROLES and principal.door is Door.HTTP

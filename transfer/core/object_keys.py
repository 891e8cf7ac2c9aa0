"""What a key in the store says of whom it belongs to; see `core.uploads` for how keys are made."""

import re
from dataclasses import dataclass

from transfer.core.cases import CaseId
from transfer.core.uploads import UploadId

EVERY_CASE = "c/"
"""What the keys of all cases begin with."""

_OF_CASE = re.compile(r"c/([^/]+)/.*", re.DOTALL)
_OF_UPLOAD = re.compile(r"c/[^/]+/([^/.]+)\.([0-9]{1,18})(?:\..*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The upload that a key was made for, and under which fence."""

    upload_id: UploadId
    fence: int


def case_of_key(key: str) -> CaseId | None:
    """Return the id of the case that a key is of, None if it is of none."""
    found = _OF_CASE.fullmatch(key)
    return CaseId(found[1]) if found else None


def owner_of_key(key: str) -> KeyOwner | None:
    """Return for which upload a key was made; None if it isn't like those that are made here."""
    found = _OF_UPLOAD.fullmatch(key)
    return KeyOwner(UploadId(found[1]), int(found[2])) if found else None

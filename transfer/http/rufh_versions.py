"""The versions of resumable uploads for HTTP, and all in which they differ.

Clients of a draft name its interop version; those of the final form name none. What a row doesn't
mention is as in the final form.

Source: draft-ietf-httpbis-resumable-upload-01 to -15, and its lists of changes.
"""

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

from multidict import CIMultiDictProxy

from transfer.http.structured_fields import integer

VERSION_HEADER = "Upload-Draft-Interop-Version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one version speaks.

    `version` is named in interim responses; `interim` says whether they are sent at all, `progress`
    whether they may carry an offset. `completeness` is the field that tells whether a file ends
    with a request, `Upload-Incomplete` being its opposite. `typed_patch`: a PATCH has the media
    type of partial uploads. `age` is what Upload-Limit calls the lifetime, None where there is no
    such field. `appended` answers bytes after which more will come. `bare_requests`: HEAD and
    DELETE with the fields of an upload are refused. `gone` answers for an upload that is over.
    `leads_to_file`: the Location of a completing answer is the file's, not the upload's.
    `length_ends`: a file ends where it was announced to, also if its sender never says so.
    """

    version: int | None = None
    interim: bool = True
    progress: bool = True
    completeness: Literal["Upload-Complete", "Upload-Incomplete"] = "Upload-Complete"
    typed_patch: bool = True
    age: Literal["max-age", "expires"] | None = "max-age"
    appended: HTTPStatus = HTTPStatus.NO_CONTENT
    bare_requests: bool = False
    gone: HTTPStatus = HTTPStatus.GONE
    leads_to_file: bool = True
    length_ends: bool = False


FINAL = Dialect()

_EARLY = Dialect(
    appended=HTTPStatus.CREATED,
    bare_requests=True,
    gone=HTTPStatus.NOT_FOUND,
    leads_to_file=False,
    length_ends=True,  # tus-js-client speaks 5 and 6, and takes such a file for sent
)
_FIRST = replace(_EARLY, progress=False, typed_patch=False, age=None)

DIALECTS = {
    3: replace(_FIRST, version=3, completeness="Upload-Incomplete"),  # -01
    4: replace(_FIRST, version=4),  # -02
    5: replace(_EARLY, version=5, typed_patch=False, age=None),  # -03
    6: replace(_EARLY, version=6, age="expires"),  # -04, -05
    7: replace(FINAL, version=7),  # -06 to -08
    8: replace(FINAL, version=8),  # -09 to -15
}

_UNKNOWN = replace(FINAL, interim=False)
"""A client of another draft is understood as far as it goes, but never offered to resume."""

_OURS = re.compile(r"upload-(in)?complete|upload-draft-interop-version", re.IGNORECASE)


def dialect_of(headers: CIMultiDictProxy[str]) -> Dialect:
    """Return the version that a request speaks."""
    if VERSION_HEADER not in headers:
        return FINAL
    version = integer(headers, VERSION_HEADER)
    return _UNKNOWN if version is None else DIALECTS.get(version, _UNKNOWN)


def speaks_rufh(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a request carries a field that only this protocol has."""
    return any(_OURS.fullmatch(name) for name in headers)

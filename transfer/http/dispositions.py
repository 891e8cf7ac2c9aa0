"""Content-Disposition: a file's name for the browser, which can't break out of the header."""

import unicodedata
from urllib.parse import quote

_SAFE = "!#$&+-.^_`|~"  # RFC 8187, attr-char, besides letters and digits
_UNQUOTABLE = frozenset('"\\%')
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def attachment(name: str) -> str:
    """Return the header that has `name` saved as a file (RFC 6266).

    `filename` is for clients that know no other; `filename*` carries the name itself, but for
    characters that break lines or turn the text's direction, which could hide its extension.
    """
    shown = "".join("_" if _misleads(character) else character for character in name)
    plain = "".join(_plain(character) for character in unicodedata.normalize("NFC", shown))
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe=_SAFE)}"


def _plain(character: str) -> str:
    return character if " " <= character <= "~" and character not in _UNQUOTABLE else "_"


def _misleads(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in _TURNING
    )

"""Collects the texts of pages and scripts for translation: `make messages`.

English stands in templates (`_("…")`, `{% trans %}`), in scripts (`_('…')`, `ngettext(…)`), in
Python (`marked("…")`) and in `problems.json`. What is collected is merged into each language's
catalogue; what a language lacks is listed, and makes the command fail.
"""

import json
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent
LOCALES = ROOT / "transfer/http/site/locale"
PROBLEMS = ROOT / "transfer/http/site/problems.json"
SCRIPTS = ROOT / "web/src"

_METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("site/**.py", "python")]
_OPTIONS = {
    "templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}

_LITERAL = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\$]|\\.)*`"
_TEXT = rf"(?:{_LITERAL})(?:\s*\+\s*(?:{_LITERAL}))*"
_CALL = re.compile(rf"(?<![\w.$])(_|ngettext)\(\s*({_TEXT})\s*(?:,\s*({_TEXT}))?")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTROLS = {"n": "\n", "t": "\t"}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_HEADER = ("Content-Type", "Content-Transfer-Encoding", "Language", "Plural-Forms", "MIME-Version")
_LINE_WIDTH = 100

Text = str | tuple[str, ...]


def collect() -> Catalog:
    """Return all texts, each with the files that have it."""
    catalogue = Catalog()
    for place, text in sorted(_found(), key=lambda one: (one[0], str(one[1]))):
        catalogue.add(text, locations=[(place, None)])  # type: ignore[list-item] # no line: it moves
    return catalogue


def merge(language: str, collected: Catalog) -> Catalog:
    """Return a language's catalogue with all that was collected, and nothing else."""
    with (LOCALES / language / "LC_MESSAGES/transfer.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    catalogue.update(collected, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def faults(catalogue: Catalog) -> list[str]:
    """Return what a catalogue lacks: texts without a translation, placeholders that differ."""
    return [
        f"{catalogue.locale_identifier}: {fault}: {_first(message.id)!r}"
        for message in catalogue
        if message.id and (fault := _fault(message)) is not None
    ]


def languages() -> list[str]:
    """Return the languages that have a catalogue; English needs none."""
    return sorted(folder.parent.name for folder in LOCALES.glob("*/LC_MESSAGES"))


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as a file that only changes when a text does."""
    file = BytesIO()
    write_po(file, catalogue, width=_LINE_WIDTH, sort_by_file=True, ignore_obsolete=True)
    header, blank, texts = file.getvalue().decode().partition("\n\n")
    wanted = tuple(f'"{name}:' for name in _HEADER)
    kept = [
        line
        for line in header.splitlines()
        if line.startswith(("msgid", "msgstr")) or line.startswith(wanted)
    ]
    return ("\n".join(kept) + blank + texts.rstrip("\n") + "\n").encode()


def main() -> int:
    """Bring all catalogues up to date; return how many faults there are, at most 1."""
    collected, found = collect(), []
    for language in languages():
        catalogue = merge(language, collected)
        (LOCALES / language / "LC_MESSAGES/transfer.po").write_bytes(written(catalogue))
        found += faults(catalogue)
    sys.stdout.write("\n".join([*found, f"{len(collected)} texts, {len(found)} faults", ""]))
    return min(len(found), 1)


def _found() -> Iterator[tuple[str, Text]]:
    """Yield each text with the file that has it, as a path from the root."""
    pages = extract_from_dir(
        ROOT / "transfer/http", _METHODS, _OPTIONS, _KEYWORDS, strip_comment_tags=True
    )
    for name, _, text, _, _ in pages:
        yield f"transfer/http/{name}", text
    for text in json.loads(PROBLEMS.read_bytes()).values():
        for part in (text["title"], text["advice"]):
            yield str(PROBLEMS.relative_to(ROOT)), part
    for script in sorted(SCRIPTS.rglob("*.ts")):
        for text in texts_of_script(script.read_text(encoding="utf-8")):
            yield str(script.relative_to(ROOT)), text


def texts_of_script(source: str) -> Iterator[Text]:
    """Yield the texts of a script; of `ngettext`, one and many together."""
    for name, one, many in _CALL.findall(_COMMENT.sub(_unless_in_text, source)):
        yield (_spoken(one), _spoken(many)) if name == "ngettext" else _spoken(one)


def _unless_in_text(comment: re.Match[str]) -> str:
    """Blank a comment; what looks like one within a text, as in a URL, stays."""
    line = comment.string[comment.string.rfind("\n", 0, comment.start()) + 1 : comment.start()]
    is_in_text = any(line.count(quote) % 2 for quote in "'\"`")
    return comment[0] if is_in_text else ""


def _spoken(literals: str) -> str:
    """Return the text of one or several literals, joined."""
    pieces = (literal[1:-1] for literal in re.findall(_LITERAL, literals))
    return "".join(_ESCAPE.sub(_unescaped, piece) for piece in pieces)


def _unescaped(escape: re.Match[str]) -> str:
    kind = escape[1]
    return chr(int(kind[1:], 16)) if len(kind) > 1 else _CONTROLS.get(kind, kind)


def _fault(message: Message) -> str | None:
    texts, translations = _all(message.id), _all(message.string)
    if len(translations) != len(texts) or not all(translations):
        return "not translated"
    wanted = {name for text in texts for name in _PLACEHOLDER.findall(text)}
    for translation in translations:
        had = set(_PLACEHOLDER.findall(translation))
        if had - wanted or (len(texts) == 1 and had != wanted):
            return "other placeholders"
    return None


def _all(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (str(text or ""),)


def _first(text: object) -> str:
    return _all(text)[0]


if __name__ == "__main__":
    sys.exit(main())

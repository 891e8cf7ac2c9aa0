"""Every text is translated into every language, and the catalogues are as `make messages` has them.

The catalogues that are shipped are compiled from these.
"""

import pytest
from babel.messages.catalog import Catalog

import messages
from transfer.http.site.languages import ENGLISH, LANGUAGES

CATALOGUE = "transfer/http/site/locale/{}/LC_MESSAGES/transfer.po"


@pytest.fixture(scope="module")
def collected() -> Catalog:
    return messages.collect()


def test_every_language_of_the_pages_has_a_catalogue() -> None:
    assert {ENGLISH, *messages.languages()} == set(LANGUAGES)


@pytest.mark.parametrize("language", messages.languages())
def test_a_language_has_every_text(language: str, collected: Catalog) -> None:
    assert messages.faults(messages.merge(language, collected)) == []


@pytest.mark.parametrize("language", messages.languages())
def test_a_catalogue_has_what_was_collected_last(language: str, collected: Catalog) -> None:
    kept = (messages.ROOT / CATALOGUE.format(language)).read_bytes()
    assert messages.written(messages.merge(language, collected)) == kept


def test_texts_are_found_in_templates_python_scripts_and_problems(
    collected: Catalog,
) -> None:
    places = {place for message in collected for place, _ in message.locations}
    for part in ("http/templates/", "http/site/terms.py", "http/site/problems.json"):
        assert any(part in place for place in places), part
    assert any(place.startswith("web/src/") for place in places)


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("_('one')", ["one"]),
        ('_("it\'s")', ["it's"]),
        ("_(\n  'long ' +\n    'text',\n  { a: 1 },\n)", ["long text"]),
        ("ngettext('a file', '%(count)s files', count)", [("a file", "%(count)s files")]),
        ("_('a %(b)s', { b: _('c') })", ["a %(b)s", "c"]),
        ("_('don\\'t \\u2026')", ["don't …"]),
        ("// _('not this')\nshow(_('this'))", ["this"]),
        ("/* _('not this') */", []),
        ("open('https://example.com/'); _('this')", ["this"]),
        ("x._('no'); foo_('no'); $_('no'); _(text)", []),
    ],
)
def test_texts_of_scripts_are_found_wherever_they_stand(
    source: str, texts: list[messages.Text]
) -> None:
    assert list(messages.texts_of_script(source)) == texts


@pytest.mark.parametrize(
    ("text", "translation", "is_good"),
    [
        ("one %(a)s", "eins %(a)s", True),
        ("one %(a)s", "eins", False),
        ("one", "eins %(a)s", False),
        ("one", "", False),
        (("%(count)s file", "%(count)s files"), ("Eine Datei", "%(count)s Dateien"), True),
        (("%(count)s file", "%(count)s files"), ("Eine Datei", "%(n)s Dateien"), False),
        (("%(count)s file", "%(count)s files"), ("Eine Datei", ""), False),
    ],
)
def test_a_translation_fills_in_what_the_text_does(
    text: messages.Text, translation: messages.Text, is_good: bool
) -> None:
    catalogue = Catalog(locale="de")
    catalogue.add(text, translation)
    assert (messages.faults(catalogue) == []) is is_good

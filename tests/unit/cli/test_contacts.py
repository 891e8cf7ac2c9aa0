"""`transfer contact`."""

import pytest

from tests.unit.cli.conftest import Run


def test_contacts_are_added_changed_listed_and_removed(run: Run) -> None:
    added = run("contact", "add", "ACME", "ada", "--email", "ada@example.com", "--json")
    assert added.json == {
        "account": "ACME",
        "person": "ada",
        "kind": "designated",
        "email": "ada@example.com",
        "language": None,
    }
    run("contact", "add", "ACME", "ada", "--kind", "read-only", "--language", "de")
    run("contact", "add", "Reseller", "grace")
    listed = run("contact", "list", "--account", "ACME", "--json").json["contacts"]
    assert [(one["person"], one["kind"], one["language"]) for one in listed] == [
        ("ada", "read-only", "de")
    ]
    assert run("contact", "remove", "ACME", "ada").status == 0
    assert [one["person"] for one in run("contact", "list", "--json").json["contacts"]] == ["grace"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("contact", "remove", "ACME", "ada"), "no contact of that name"),
        (("contact", "add", "ACME", "ada", "--kind", "boss"), "designated, read-only"),
        (("contact", "add", "ACME", "ada", "--email", "ada"), "ada@example.com"),
    ],
)
def test_what_is_no_contact_is_told_in_a_sentence(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    failed = run(*words)
    assert failed.status == 1
    assert said in failed.err

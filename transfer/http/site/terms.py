"""The words of the core as people read them: statuses, roles, doors. Templates: `| term`."""

from collections.abc import Mapping


def marked(text: str) -> str:
    """Return `text` as it is; it is found by what collects the texts to translate."""
    return text


TERMS: Mapping[str, str] = {
    # Statuses and substatuses of cases
    "Open": marked("Open"),
    "Awaiting Information": marked("Awaiting Information"),
    "Solution Proposed": marked("Solution Proposed"),
    "Closed": marked("Closed"),
    "New": marked("New"),
    "Investigation": marked("Investigation"),
    "Engineering Request": marked("Engineering Request"),
    "Maintenance Review": marked("Maintenance Review"),
    "Third Party Pending": marked("Third Party Pending"),
    "Information Required From Customer": marked("Information Required From Customer"),
    "Replied": marked("Replied"),
    "Fixed - Software Provided": marked("Fixed - Software Provided"),
    "Resolved": marked("Resolved"),
    "Cancelled": marked("Cancelled"),
    # Priorities
    "Production Down": marked("Production Down"),
    "Critical": marked("Critical"),
    "High": marked("High"),
    "Medium": marked("Medium"),
    "Low": marked("Low"),
    # Why a case is closed
    "Solved by Customer Care": marked("Solved by Customer Care"),
    "Solved by the customer": marked("Solved by the customer"),
    "No longer needed": marked("No longer needed"),
    "Duplicate of another case": marked("Duplicate of another case"),
    "No answer from the customer": marked("No answer from the customer"),
    # Roles
    "designated": marked("Designated contact"),
    "read-only": marked("Read-only contact"),
    "analyst": marked("Customer Care"),
    "admin": marked("Administrator"),
    # Doors
    "http": marked("Browser or HTTP client"),
    "sftp": marked("SFTP"),
    "cli": marked("Command line"),
}
"""What a word is called in English, by the word."""


def term(word: str) -> str:
    """Return what `word` is called in English; one that isn't among the terms, as it is."""
    return TERMS.get(word, word)

"""What single rules of a bucket's lifecycle do, in the shape that boto3 gives them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from transfer.core.errors import InvalidRequestError
from transfer.core.object_keys import EVERY_CASE

Rule = Mapping[str, Any]

RULE_ID = "transfer-abort-incomplete-uploads"

_OURS = frozenset(
    {"ID", "Status", "Filter", "Prefix", "AbortIncompleteMultipartUpload"},
)
"""What our rule has, in its old spelling too."""


def our_rule(days: int) -> dict[str, Any]:
    """Return the rule that ends what was begun so many days ago."""
    return {
        "ID": RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": EVERY_CASE},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }


def does_ours(rule: Rule, days: int) -> bool:
    """Whether a rule is ours, as it should be."""
    return bool(
        rule.get("ID") == RULE_ID
        and rule.get("Status") == "Enabled"
        and _abort_days(rule) == days
        and _prefix(rule) == EVERY_CASE
    )


def told_apart(rules: Sequence[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Return our rule, in a list, and those of others.

    Raises:
        InvalidRequestError: one with the name of ours does what ours never did.
    """
    ours = [rule for rule in rules if rule.get("ID") == RULE_ID]
    for rule in ours:
        if any(given for name, given in rule.items() if name not in _OURS):
            raise InvalidRequestError(
                f"The bucket's rule {RULE_ID} does more than ours: somebody else has written it. "
                "Nothing was changed. Give it another name, or remove it, then try again."
            )
    return ours, [rule for rule in rules if rule.get("ID") != RULE_ID]


def told(rule: Rule) -> str:
    """Say what a rule of ours did."""
    state = "" if rule.get("Status") == "Enabled" else ", but is disabled"
    return f"aborts uploads after {_abort_days(rule)} days below {_prefix(rule)!r}{state}"


def early_ends(rules: Sequence[Rule], days: int) -> Iterator[str]:
    """Say which of these take away what is ours: files at all, or uploads before so many days."""
    for rule in rules:
        if rule.get("Status") != "Enabled" or not _touches_ours(rule):
            continue
        expiration = rule.get("Expiration", {})
        if "Days" in expiration:
            yield f"{name_of(rule)} deletes files after {expiration['Days']} days"
        if "Date" in expiration:
            yield f"{name_of(rule)} deletes files from {_day(expiration['Date'])} on"
        aborts = _abort_days(rule)
        if aborts is not None and aborts < days:
            yield f"{name_of(rule)} aborts uploads after {aborts} days, sooner than {days}"


def name_of(rule: Rule) -> str:
    """Return the name of a rule; the store makes one up for who gives none."""
    return str(rule.get("ID") or "(without a name)")


def _touches_ours(rule: Rule) -> bool:
    """Whether a rule is for objects of cases, too: by their keys, as they have no tags."""
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    if chosen.get("Tag") or both.get("Tags"):
        return False
    prefix = _prefix(rule)
    return prefix.startswith(EVERY_CASE) or EVERY_CASE.startswith(prefix)


def _prefix(rule: Rule) -> str:
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    return str(chosen.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or "")


def _abort_days(rule: Rule) -> int | None:
    days: int | None = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    return days


def _day(date: object) -> str:
    return date.date().isoformat() if isinstance(date, datetime) else str(date)

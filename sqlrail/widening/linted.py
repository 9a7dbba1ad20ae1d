"""What the linter says of the files themselves, and why that is accepted: it is to find what else there is."""

from __future__ import annotations

import re
from collections.abc import Iterable


def _adding(type_: str) -> str:
    """A column of a type, or of an array of it."""
    return rf"ALTER TABLE .* ADD COLUMN .* (?:{type_})(?:\[\])?(?:, .*)?"


#: rules, with the statements that they are about: a pattern of all of one
_RULES = {
    "ban-drop-view": r"DROP VIEW .*",
    "ban-drop-function": r"DROP FUNCTION .*",
    "ban-drop-constraint": r"ALTER TABLE .* DROP CONSTRAINT .*",
    "ban-drop-default": r"ALTER TABLE .* DROP DEFAULT",
    "ban-drop-not-null": r"ALTER TABLE .* DROP NOT NULL",
    "ban-drop-column": r"ALTER TABLE .* DROP COLUMN .*",
    "ban-alter-identity": r"ALTER TABLE .* (?:DROP IDENTITY|AS IDENTITY.*)",
    "renaming-column": r"ALTER TABLE .* RENAME COLUMN .*",
    "renaming-object": r"ALTER INDEX .* RENAME TO .*",
    "adding-not-nullable-field": r"ALTER TABLE .* SET NOT NULL",
    "changing-column-type": r"ALTER TABLE .* ALTER COLUMN .* TYPE .*",
    "ban-char-field": _adding(r'character(?:\(\d+\))?|"char"'),
    "prefer-text-field": r"ALTER TABLE .* (?:ADD COLUMN|TYPE) (?:.* )?character varying\(.*",
    "prefer-bigint-over-int": _adding("integer"),
    "prefer-bigint-over-smallint": _adding("smallint"),
    "prefer-timestamp-tz": _adding(r"timestamp(?:\(\d\))? without time zone"),
}
#: of these, those that have a reason of their own
_REASONS = {"adding-not-nullable-field": "a CHECK that is valid proves it, so that no row is read"}


def accepted(statements: Iterable[str], because: str) -> str:
    """The lines of a file's leading comment that accept what the linter finds in its statements."""
    texts = [*statements]
    return "".join(
        f"-- lint: ignore {rule} because {_REASONS.get(rule, because)}\n"
        for rule, pattern in _RULES.items()
        if any(re.fullmatch(pattern, text, re.DOTALL) for text in texts)
    )

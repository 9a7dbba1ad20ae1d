"""What the server says of live rows, without a value of any of them."""

from __future__ import annotations

import psycopg

from sqlrail.ground.words import printable
from sqlrail.postgres.diagnostics import is_raised, without_values

#: classes of SQLSTATE whose first sentence names tables, columns and constraints, and no values
_NAMES_ONLY = ("0A", "21", "23", "25", "2B", "2F", "3D", "3F", "42", "53", "54", "55", "57", "58")
#: the class of those that quote what they cannot read
_QUOTES_VALUES = "22"


def said(error: psycopg.Error) -> str:
    """The server's first sentence; in the place of a value an ellipsis, and of what code raises only its SQLSTATE."""
    diag, state = error.diag, error.sqlstate or ""
    primary = " ".join((diag.message_primary or "").split())
    if not primary or is_raised(error):
        return f"an error of the database's own code (SQLSTATE {state})" if state else "no answer"
    if state.startswith(_QUOTES_VALUES):
        return printable(without_values(primary))
    if state.startswith(_NAMES_ONLY):
        return printable(primary)
    return f"an error with SQLSTATE {state}"

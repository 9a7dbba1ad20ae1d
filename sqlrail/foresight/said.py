"""What the server says of live rows, without a value of any of them."""

from __future__ import annotations

import re

import psycopg

from sqlrail.ground.words import printable

#: classes of SQLSTATE whose first sentence names tables, columns and constraints, and no values
_NAMES_ONLY = ("0A", "21", "23", "25", "2B", "2F", "3D", "3F", "42", "53", "54", "55", "57", "58")
#: the class of those that quote what they cannot read
_QUOTES_VALUES = "22"
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|'[^']*'|[:\uff1a] \S.*$")


def said(error: psycopg.Error) -> str:
    """The server's first sentence; in the place of a value an ellipsis, and of what code raises only its SQLSTATE."""
    diag, state = error.diag, error.sqlstate or ""
    primary = " ".join((diag.message_primary or "").split())
    if not primary or is_raised(error):
        return f"an error of the database's own code (SQLSTATE {state})" if state else "no answer"
    if state.startswith(_QUOTES_VALUES):
        return printable(_QUOTED.sub(_hidden, primary))
    if state.startswith(_NAMES_ONLY):
        return printable(primary)
    return f"an error with SQLSTATE {state}"


def is_raised(error: psycopg.Error) -> bool:
    """Whether code in the database has written the message, out of whatever it likes."""
    return (error.diag.source_function or "") in ("exec_stmt_raise", "exec_stmt_assert") or (
        error.diag.source_file or ""
    ) in ("plperl.c", "pltcl.c", "plpy_elog.c", "plv8.cc")


def _hidden(match: re.Match[str]) -> str:
    text = match[0]
    return ": …" if text[0] in (":", "\uff1a") else f"{text[0]}…{text[-1]}"

"""What the server says of a failure, in one paragraph, and what to do about it: the one place that reads psycopg.Error.

Which error it is, is told by its class, SQLSTATE and place in PostgreSQL's source, never by its words: servers speak
many languages. What failed and what stands is the caller's to say; `failure` and `lost` make one message of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import errors as pg

from sqlrail.errors import ConnectionLost, DatabaseFailed, SqlrailError
from sqlrail.ground.words import printable

#: what makes an error of a message: its class
Kind = Callable[[str], SqlrailError]


#: the server's sources that show in DETAIL the whole row that they refuse, or its partition key
_SHOW_ROWS = ("execMain.c", "execPartition.c")
_QUOTED = r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|'[^']*'|[:\uff1a] \S.*$"


def sentence(error: psycopg.Error, *, values: bool = False) -> str:
    """What the server says, with its detail and hint; without the statement, which may hold a secret.

    Of rows it shows no more than keys, unless values are wanted: those of the statement that somebody has written.
    """
    diag = error.diag
    parts = [
        diag.message_primary if values else primary(error),
        None if shown_row(error) and not values else diag.message_detail,
        diag.message_hint,
    ]
    lines = [" ".join(part.split()) for part in (parts if diag.message_primary else [str(error)]) if part]
    return printable(" ".join(line if line.endswith((".", "?", "!")) else f"{line}." for line in lines))


def primary(error: psycopg.Error) -> str:
    """The server's first sentence; in the place of a value that it could not read, an ellipsis."""
    said, state = error.diag.message_primary or "", error.sqlstate or ""
    if not state.startswith("22") or state == pg.InvalidParameterValue.sqlstate or is_raised(error):
        return said
    return without_values(said)


def without_values(said: str) -> str:
    """A sentence of the server's with an ellipsis for whatever it quotes: names too."""
    return re.sub(_QUOTED, _hidden, " ".join(said.split()))


def _hidden(match: re.Match[str]) -> str:
    text = match[0]
    return ": …" if text[0] in (":", "\uff1a") else f"{text[0]}…{text[-1]}"


def is_raised(error: psycopg.Error) -> bool:
    """Whether code in the database has written the message, out of whatever it likes."""
    return (error.diag.source_function or "") in ("exec_stmt_raise", "exec_stmt_assert") or (
        error.diag.source_file or ""
    ) in ("plperl.c", "pltcl.c", "plpy_elog.c", "plv8.cc")


def shown_row(error: psycopg.Error) -> str | None:
    """The DETAIL that shows a row which a constraint, a view or a partition refuses."""
    is_refused = isinstance(error, pg.NotNullViolation | pg.CheckViolation | pg.WithCheckOptionViolation)
    return error.diag.message_detail if is_refused and error.diag.source_file in _SHOW_ROWS else None


def traced(text: str, error: BaseException) -> str:
    """A traceback of an error, which quotes the server's behind it, without values that its own message leaves out."""
    said = str(error)
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, psycopg.Error):
            if (row := shown_row(cause)) and row not in said:
                text = text.replace(row, "…")
            if (first := cause.diag.message_primary) and first not in said:
                text = text.replace(first, primary(cause))
        cause = cause.__cause__
    return text


def failure(
    connection: psycopg.Connection[Any],
    failed: str,
    when: str,
    error: psycopg.Error,
    stands: str = "",
    kind: Kind = DatabaseFailed,
) -> SqlrailError:
    """The one translation of what the server refused: ConnectionLost, or an error of the kind with all that it says.

    failed: what failed; when: what was under way, should the connection be lost; stands: what is left, and what to do.
    """
    if connection.closed:
        found: SqlrailError = lost(when, error)
    else:
        found = kind(f"{failed}: {sentence(error)}{stands and f' {stands}'}")
    found.__cause__ = error
    return found


def lost(when: str, error: psycopg.Error | None = None, *, certain: bool = True) -> ConnectionLost:
    """The connection is gone: what was under way, and the server's last words if it had any.

    certain: nothing that was sent can have been committed.
    """
    stands = "nothing of it was kept" if certain else "whether it was committed is not known"
    words = f" The last that was heard: {sentence(error)}" if error and error.sqlstate else ""
    return ConnectionLost(
        f"the connection was lost while {when}; {stands}.{words} Run again once the database answers: that is safe."
    )


def is_of_policies(error: psycopg.Error) -> bool:
    """Whether row-level security would have hidden rows from a statement, where row_security is off."""
    return error.diag.source_function == "check_enable_rls"


def is_of_a_right(error: BaseException | None) -> bool:
    """Whether a right was denied that a GRANT gives: not by a policy, and not by the database's own code."""
    if not isinstance(error, pg.InsufficientPrivilege):
        return False
    return not is_of_policies(error) and error.diag.source_function != "exec_stmt_raise"


def remedy(error: psycopg.Error) -> str:
    """What to do about a file's statement that failed so, with a blank in front; empty where nobody knows."""
    diag = error.diag
    # variable.c is where an isolation level comes too late.
    if isinstance(error, pg.ActiveSqlTransaction) and diag.source_file != "variable.c":
        return " It takes a file of its own, which begins with `-- transactional: false`."
    if isinstance(error, pg.ObjectInUse) and diag.source_function == "CheckTableNotInUse":
        return (
            " Checks of rows that were changed before in this transaction are still to come: put `SET CONSTRAINTS ALL "
            "IMMEDIATE;` in front of it, or put it into a file of its own."
        )
    if isinstance(error, pg.UndefinedObject) and diag.source_file == "guc.c":
        return (
            " This server does not know that setting: a dump by a newer pg_dump begins so. Take the line out, or dump "
            "with the pg_dump of this server's version."
        )
    if is_of_policies(error):
        return (
            " Run it as a role that the policies let pass (BYPASSRLS, or the owner without FORCE ROW LEVEL SECURITY). "
            "Where the file means no more rows than its role may see, say `-- row-security: on` in its leading comment."
        )
    if isinstance(error, pg.InsufficientPrivilege) and not is_of_a_right(error):
        return f" The database's own code refused it: {_raised_by(error)}."
    return ""


def _raised_by(error: psycopg.Error) -> str:
    """The function that raised an error, and who called it: an event trigger, say."""
    lines = [" ".join(line.split()) for line in (error.diag.context or "").splitlines()]
    return printable("; ".join(lines[:2]) or "a function")

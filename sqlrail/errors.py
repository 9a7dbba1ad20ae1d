"""One root error; the class carries the exit code and the kind, the docstring is the default message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, cast

from sqlrail.ground.words import printable

if TYPE_CHECKING:
    from sqlrail.results.error import ErrorDetails, ErrorDocument, ErrorKind


class SqlrailError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *lines: str) -> None:
        """Each line stays one, whatever the names and values in it hold."""
        super().__init__("\n".join(map(printable, lines)) or " ".join((self.__doc__ or "").split()))
        #: ids of the migrations that were committed by this run before it ended
        self.applied: list[str] = []
        #: ids of those that it had rolled back
        self.rolled_back: list[str] = []
        #: the beginning of a file's statement that was denied a right; never shown, for it may hold a secret
        self.statement: str | None = None
        #: more for scripts, by its key in the JSON of the error
        self.details: ErrorDetails = {}

    @property
    def kind(self) -> ErrorKind:
        """The class's name in snake_case, for scripts."""
        return cast("ErrorKind", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower())

    @property
    def sqlstate(self) -> str | None:
        """PostgreSQL's code of what it refused; None where something else is the cause."""
        cause = self.__cause__
        while isinstance(cause, SqlrailError):
            cause = cause.__cause__
        return getattr(cause, "sqlstate", None)

    def as_json(self, message: str) -> ErrorDocument:
        """The same for scripts, with the message as it may be shown."""
        details = self.details
        if self.sqlstate:
            details = {**details, "sqlstate": self.sqlstate}
        return {
            "error": {
                "kind": self.kind,
                "message": message,
                "exit_code": self.exit_code,
                "applied": self.applied,
                "rolled_back": self.rolled_back,
                **details,
            }
        }


class UsageError(SqlrailError):
    """The command line cannot be understood."""

    exit_code = 2


class SettingsError(SqlrailError):
    """A setting is missing or wrong."""

    exit_code = 2


class BadFile(SqlrailError):
    """A migration file cannot be run as it stands."""

    exit_code = 2


class MissingPrerequisite(SqlrailError):
    """Something that has to be installed is not."""

    exit_code = 2


class ConnectionFailed(SqlrailError):
    """The database cannot be reached."""

    #: whether the server answers, and has no connection left
    is_full = False


class ConnectionLost(SqlrailError):
    """The connection to the database was lost."""


class ReadOnlyServer(SqlrailError):
    """The server is a standby; it can be read and not written."""


class LocalServerFailed(SqlrailError):
    """The embedded server does not start or stop."""


class Busy(SqlrailError):
    """Another runner is at work on this database."""


class MigrationFailed(SqlrailError):
    """A migration failed; nothing of it was kept."""


class DatabaseFailed(SqlrailError):
    """The database refused a statement of ours."""


class CommandFailed(SqlrailError):
    """A command that was to make a schema did not."""


class FileFailed(SqlrailError):
    """A file or a folder cannot be read or written."""


class Bug(SqlrailError):
    """This is a bug in sqlrail."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"this is a bug in sqlrail: {type(cause).__name__}: {cause}. Please report it with --verbose."
        )
        self.__cause__ = cause


class WrongDatabase(SqlrailError):
    """The connection leads to another database than the one that was named."""

    exit_code = 3


class Refused(SqlrailError):
    """A guard refused; nothing was changed."""

    exit_code = 3


class Interrupted(SqlrailError):
    """interrupted: the statement was cancelled and its transaction rolled back."""

    def __init__(self, signum: int, *lines: str) -> None:
        super().__init__(*lines)
        self.signum = signum

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        return 128 + self.signum

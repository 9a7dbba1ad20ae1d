"""Why a connection failed and what to do about it: by SQLSTATE where a server answered, else by its words.

libpq keeps the SQLSTATE of a refused connection to itself, and what a server says may be of any language. Where it is
not English, the failed attempt is made once more, with libpq told to write all that it knows: the SQLSTATE, and the
name of the function in the server that refused. The words of libpq itself, which is told no locale, and of poolers,
whose SQLSTATEs say little, are English.
"""

from __future__ import annotations

import re
import select
import socket
import sys
import time
from contextlib import suppress
from ctypes import CDLL, c_int, c_void_p
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg.pq import ConnStatus, PGconn, PollingStatus

from sqlrail.ground.settings import Settings

#: seconds that the second attempt gets at the most, and the look whether anybody takes connections there
PATIENCE, GLANCE = 5.0, 1.0
#: libpq's PQERRORS_VERBOSE
VERBOSE = 2
#: lines of libpq's that people need not read
NOISE = ("LOCATION:", "Is the server running", "This probably means", "before or while processing")


class Reason(NamedTuple):
    """What is wrong, what to do about it, and whether time may mend it."""

    pattern: str
    what: str
    remedy: str
    passes: bool = False
    answered: bool = False  # by a server, whose word counts for more than that of an address where nobody is
    is_full: bool = False  # others have all its connections


def _answer(pattern: str, what: str, remedy: str, passes: bool = False) -> Reason:
    return Reason(pattern, what, remedy, passes, answered=True)


def _full(pattern: str, what: str, remedy: str) -> Reason:
    return Reason(pattern, what, remedy, passes=True, answered=True, is_full=True)


AGAIN = "Run again in a moment."
FREE = "Close connections that nobody uses, or raise that limit."
SPELLING = (
    "Check the password in {url}, PGPASSWORD or the password file; in a URL write @ as %40, : as %3A, / as %2F, "
    "# as %23 and % as %25{example}."
)
TLS = "Check sslmode and sslrootcert in {url}, or PGSSLMODE and PGSSLROOTCERT."
#: the first that fits counts; {database}, {role}, where the {url} stands, and an {example} of one are filled in
REASONS = (
    _answer("system is starting up", "the server is starting up", AGAIN, passes=True),
    _answer("system is shutting down", "the server is shutting down", AGAIN, passes=True),
    _answer("system is in recovery mode", "the server is recovering from a crash", AGAIN, passes=True),
    _answer("[Hh]ot standby mode is disabled", "it is a standby that answers nobody (hot_standby = off)",
            "Name the primary server in {url}."),
    _answer("57P03: ", "the server takes no connections now, for it starts, stops or recovers", AGAIN, passes=True),
    _answer("57P0[12]: ", "the server is being shut down or restarted", AGAIN, passes=True),
    _full("53300: .*InitializeSessionUserId|too many connections for role",
          "the role {role} has all the connections that it may have",
          "Close those that nobody uses, or raise the limit: ALTER ROLE ... CONNECTION LIMIT."),
    _full("53300: .*CheckMyDatabase|too many connections for database",
          "the database {database} has all the connections that it may have",
          "Close those that nobody uses, or raise the limit: ALTER DATABASE ... CONNECTION LIMIT."),
    _full("53300: .*InitPostgres|remaining connection slots",
          "the only connections that are left are reserved, for superusers say", FREE),
    _full("53300: |too many clients|no more connections allowed", "there is no connection left", FREE),
    _answer("28P01: |(?:password|SASL) auth.* failed", "the password is wrong, or there is no role {role}",
            SPELLING),
    _answer("no password supplied", "the server asks for a password, and none is given",
            "Put it into a password file, PGPASSWORD or the URL{example}."),
    _answer("28000: .*(?:no encryption|SSL off).*ClientAuth|no pg_hba.conf entry .*(?:no encr|SSL off)|SSL required",
            "the server lets this role in from here with TLS only, or not at all",
            "Try sslmode=require in {url}; else its administrator adds an entry to pg_hba.conf."),
    _answer("28000: .*ClientAuthentication|no pg_hba.conf entry|pg_hba.conf rejects",
            "the server's pg_hba.conf has no entry that lets this role into this database from here",
            "Its administrator adds one, and reloads it."),
    _answer("28000: .*InitializeSessionUserId|role .* (?:does not exist|is not permitted)|no such user",
            "there is no role {role}, or it may not log in",
            "Check the user in {url}, or let an administrator run CREATE ROLE ... LOGIN."),
    _answer(r"28\w{3}: |(?:Peer|Ident) authentication failed", "the server does not take this user for the role {role}",
            "Check the user in {url}, and how pg_hba.conf has roles prove who they are."),
    _answer("3D000: |no such database|database .* does not exist",
            "there is no database {database} on that server",
            "Check the name in {url}, or make it: in development `sqlrail create`, else `createdb {database}`."),
    _answer("42501: |permission denied for database", "the role {role} may not connect to the database {database}",
            "Its owner can run: GRANT CONNECT ON DATABASE ... TO ..."),
    _answer("55000: |is not currently accepting connections", "the database {database} takes no connections",
            "Its owner can run: ALTER DATABASE ... ALLOW_CONNECTIONS true."),
    _answer("query_wait_timeout", "the pooler has no connection to its server: none is free, or that server is down",
            "See whether it runs, close what holds the connections, or raise pool_size.",
            passes=True),
    _answer(r"server down|server.login|cannot connect to server|08P01: (?:connect|server)",
            "the pooler answers, and the server behind it does not",
            "Start that server, or check where the pooler looks for it.", passes=True),
    _answer("unsupported startup parameter", "the pooler does not take a parameter of ours",
            "Add it to the pooler's ignore_startup_parameters."),
    Reason("session is read-only|server is in hot standby mode",
           "it is a standby, and target_session_attrs wants a primary",
           "Name the primary server as well, or have one promoted."),
    Reason("session is not read-only|server is not in hot standby",
           "it is a primary, and target_session_attrs wants a standby",
           "Name the standby as well, or change target_session_attrs."),
    _answer("server does not support SSL", "the server does not speak TLS, and sslmode demands it",
            "Turn ssl on in the server, or remove sslmode where the network is trusted."),
    _answer("invalid response to|expected authentication request|wrong version number|unencrypted data|lost synchron",
            "what answers there is not PostgreSQL", "Check host and port in {url}."),
    _answer("certificate|private key", "the server's certificate is not trusted, or ours cannot be used", TLS),
    Reason("translate host name|resolve host", "the name of the host is not known",
           "Check the host in {url}, and the network of this machine or container.",
           passes=True),
    Reason("No such file", "there is no server behind that socket",
           "Start the server, or check its socket folder (host) and port.", passes=True),
    Reason("Connection refused", "nothing listens there",
           "Start the server, or check host and port.", passes=True),
    Reason("Permission denied", "its socket is closed to this account",
           "Run this as an account that may use it, or name the server by host=localhost."),
    Reason("says nothing", "what listens there does not answer",
           "A pooler whose server is down does that, and so does what is not PostgreSQL.", passes=True),
    Reason("timeout expired|timed out|No route to host|unreachable", "nobody answers at that address",
           "Check host and port, and the firewalls in between.", passes=True),
    Reason("closed the connection|closed unexpectedly|reset by peer|receive data|SYSCALL|EOF detected",
           "the connection was taken, and closed at once",
           "A proxy whose server is not up yet does that, and a server that crashes: look into its log.", passes=True),
    _answer("SSL error|sslmode", "the server and this client do not agree on TLS", TLS),
)  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """A connection that failed: what is wrong, what to do, libpq's words, and whether time may mend it."""

    what: str | None
    remedy: str | None
    words: str
    passes: bool
    is_full: bool = False


def explain(conninfo: str, error: psycopg.Error, role: str, database: str, url: str) -> Failure:
    """Why that attempt to connect failed; url: where it stands."""
    text = _tell(conninfo, error)
    parts = re.split(r"\n(?=connection to server|could not translate|- host)", text)
    found = [reason for reason in map(_find, parts) if reason]
    telling = [reason for reason in found if reason.answered] or found
    words = "; ".join(_plain(part) for part in parts)
    if not telling:
        return Failure(None, None, words, passes=False)
    host, port = _address(conninfo)
    example = f" ({url})"
    if url == Settings.url_origin:
        example = f": `export {url}='postgresql://{role}:***@{host}:{port}/{database}'`"
    names = {"role": role, "database": database, "url": url, "example": example}
    what, remedy = (text.format(**names) for text in (telling[0].what, telling[0].remedy))
    return Failure(
        what,
        remedy,
        words,
        any(reason.passes for reason in telling),
        any(reason.is_full for reason in telling),
    )


def _find(part: str) -> Reason | None:
    # Not in the address: a host may be called anything.
    said = re.sub(r"^connection to server .*? failed: ", "", part)
    return next((reason for reason in REASONS if re.search(reason.pattern, said, re.DOTALL)), None)


def _plain(part: str) -> str:
    """What of libpq's words people read."""
    lines = [line.strip() for line in part.splitlines()]
    kept = [line for line in lines if line and not line.startswith(NOISE)]
    text = re.sub(r"(: +[^\s:]+: +)[0-9A-Z]{5}: ", r"\1", " ".join(kept))
    return re.sub(r" +", " ", text).removesuffix(".")


def _tell(conninfo: str, error: psycopg.Error) -> str:
    """All that libpq says of the failure, as it would with VERBOSITY verbose."""
    text, _, several = str(error).partition("\nMultiple connection attempts failed. All failures were:\n")
    text = re.sub(r"(?m)^(?:- .*hostaddr: \S+: )?connection (?:failed|is bad): ", "", several or text).strip()
    if "timeout expired" in text:
        silent = not several and _is_taken(conninfo)
        return f"{text}: it takes the connection and says nothing" if silent else text
    is_one = not several and "," not in _address(conninfo)[0]
    # A password that was refused is not sent twice without need: some servers lock the role then.
    if isinstance(error, psycopg.OperationalError) and error.pgconn and not (is_one and _find(text)):
        with suppress(OSError, AttributeError, KeyError, psycopg.Error):  # we know less then, and that is all
            return _try_again(conninfo) or text
    return text


def _try_again(conninfo: str) -> str:
    """What libpq says, at its most verbose, of an attempt to connect; nothing if that succeeds."""
    set_verbosity = CDLL(_library()).PQsetErrorVerbosity
    set_verbosity.argtypes = [c_void_p, c_int]
    pgconn, deadline = PGconn.connect_start(conninfo.encode()), time.monotonic() + PATIENCE
    try:
        set_verbosity(pgconn.pgconn_ptr, VERBOSE)  # type: ignore[attr-defined]
        while pgconn.status != ConnStatus.BAD:
            state = pgconn.connect_poll()
            if state == PollingStatus.OK:
                return ""
            if state == PollingStatus.FAILED:
                break
            poll = select.poll()
            poll.register(pgconn.socket, select.POLLIN if state == PollingStatus.READING else select.POLLOUT)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return ""
        return pgconn.get_error_message().strip()
    finally:
        pgconn.finish()


def _library() -> str:
    """What libpq's functions are found in: psycopg's extension, which is linked to it, or libpq itself."""
    if psycopg.pq.__impl__ != "python":
        return str(sys.modules[PGconn.__module__].__file__)
    from psycopg.pq.misc import find_libpq_full_path

    return str(find_libpq_full_path())


def _address(conninfo: str) -> tuple[str, str]:
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    defaults = {
        option.keyword.decode(): (option.val or b"").decode() for option in psycopg.pq.Conninfo.get_defaults()
    }
    host, port = (str(given.get(name) or defaults.get(name) or "") for name in ("host", "port"))
    return str(given.get("hostaddr") or host), port


def _is_taken(conninfo: str) -> bool:
    """Whether anybody takes a connection at the one address of the conninfo."""
    host, port = _address(conninfo)
    with suppress(OSError, ValueError):
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(GLANCE)
                probe.connect(f"{host}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, int(port)), timeout=GLANCE).close()
        return True
    return False

"""A cluster of Citus that is there: TEST_CITUS_URL names a database of its coordinator's.

Tests that kill its servers want TEST_CITUS_DATA as well: the folder with their data folders, on this machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Connection = psycopg.Connection[Any]

#: of a distributed table
SHARDS = 8

#: what ends a test's sessions, and what drops all that it has made; the schema public would take the extension along
END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name ~ '^(sqlrail|the )'
"""
MADE = """
    SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
     WHERE nspname !~ '^(pg_|citus|columnar)' AND nspname NOT IN ('public', 'information_schema')
    UNION ALL
    SELECT format('DROP %s IF EXISTS public.%I CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, relname)
      FROM pg_class AS c
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
    UNION ALL
    SELECT format('DROP TYPE IF EXISTS public.%I CASCADE', typname) FROM pg_type
     WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    UNION ALL
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace
"""


@dataclass(frozen=True)
class Cluster:
    """A database on every node of a cluster, which is ours."""

    url: str
    workers: tuple[str, ...]  # their URLs

    def connect(self, url: str | None = None) -> Connection:
        return psycopg.connect(url or self.url, autocommit=True)

    def rows(self, statement: str, url: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement, or none."""
        with self.connect(url) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def shard(self, table: str) -> tuple[str, str]:
        """A shard of a table, and the URL of the worker that it lies on."""
        name, port = self.rows(
            f"""SELECT shard_name, nodeport FROM citus_shards
                 WHERE table_name = '{table}'::regclass AND nodeport <> {_port(self.url)} ORDER BY 1 LIMIT 1"""
        )[0]
        return str(name), next(worker for worker in self.workers if _port(worker) == port)

    def empty(self) -> None:
        with self.connect() as connection:
            connection.execute(END)
            for (statement,) in connection.execute(MADE).fetchall():
                connection.execute(statement)


@dataclass(frozen=True)
class Node:
    """A server of the cluster, which may be killed."""

    url: str
    data: Path

    def kill(self) -> None:
        from servers import kill_at

        note = self.data / "postmaster.pid"
        _, _, _, port, sockets, *_ = note.read_text().splitlines()
        kill_at(self.data)
        # To whoever starts the server again, a dead process that nobody has taken note of is alive.
        for lock in (note, Path(sockets) / f".s.PGSQL.{port}.lock"):
            lock.unlink(missing_ok=True)

    def start(self) -> None:
        """As it was started before, by whoever owns its data."""
        binary = (self.data / "postmaster.opts").read_text().split()[0]
        owner = self.data.stat()
        as_owner = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
        command = [Path(binary).with_name("pg_ctl"), "-D", self.data, "-w", "-l", f"{self.data}.log", "start"]
        # A node connects to the others, and would look for our certificates, which its owner may not read.
        home = {**os.environ, "HOME": str(self.data)}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", env=home, **as_owner)  # type: ignore[call-overload]


def node(url: str) -> Node:
    """The server of a URL; skips where its data folder is not known."""
    folder = os.environ.get("TEST_CITUS_DATA")
    if not folder:
        pytest.skip("TEST_CITUS_DATA names no folder with the servers' data")
    for data in Path(folder).iterdir():
        lines = (
            (data / "postmaster.pid").read_text().split("\n") if (data / "postmaster.pid").exists() else []
        )
        if lines and int(lines[3]) == _port(url):
            return Node(url, data)
    raise AssertionError(f"no server of {folder} listens at {_port(url)}")


def _port(url: str) -> int:
    return int(str(conninfo_to_dict(url)["port"]))


@contextmanager
def made(more: str = "") -> Iterator[Cluster]:
    """One on every node of the cluster, dropped at the end; skips where there is no cluster. more: of its name."""
    given = os.environ.get("TEST_CITUS_URL")
    if not given:
        pytest.skip("TEST_CITUS_URL names no cluster")
    with psycopg.connect(given, autocommit=True) as one:
        nodes = one.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY nodeid"
        ).fetchall()
        host, port = one.info.host, one.info.port
    name = f"test_{os.getpid()}{more}"
    servers = [make_conninfo(given, host=node, port=at) for node, at in [(host, port), *nodes]]
    urls = [make_conninfo(server, dbname=name) for server in servers]
    try:
        for server, url in zip(servers, urls, strict=True):
            _run(server, f"SET client_min_messages = error; CREATE DATABASE {name}")
            _run(url, "CREATE EXTENSION citus")
        _run(urls[0], f"SELECT citus_set_coordinator_host('{host}', {port})")
        for node, at in nodes:
            _run(urls[0], f"SELECT citus_add_node('{node}', {at})")
        # As many as tests count, whatever the cluster's own setting is.
        _run(urls[0], f"ALTER DATABASE {name} SET citus.shard_count = {SHARDS}")
        yield Cluster(urls[0], tuple(urls[1:]))
    finally:
        for url in urls:  # what a test's end has left in doubt keeps a database
            with suppress(psycopg.Error):
                _run(url, "SELECT recover_prepared_transactions()")
        for server in servers:
            _run(server, f"SET client_min_messages = error; DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _run(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements.split("; "):
            connection.execute(statement.encode())

"""A cleanup on a cluster of Citus against the same by hand, where orphans lie together with the parents of others.

`make bench-citus ARGS='--url postgresql://postgres@host/postgres'`, or `python bench/citus.py --url URL [--children N]
[--parents N] [--orphans N,N] [--pairs N] [--write FILE]`: the URL is the coordinator's, of a role that may make
databases on all nodes. One of ours is made on each, and dropped at the end.

By hand the orphans go into a table beside the shards, and are deleted then: in several ways, of which the quickest is
what a cleanup runs in turns with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

import common
import psycopg
from common import PYTHON, ROOT, run
from psycopg.conninfo import make_conninfo

NAME = "sqlrail_bench"
# Orphans have keys behind the last parent's, ten rows each, as the others have. `stock` keeps a copy of them.
DATA = """
CREATE TABLE parent (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE child (
    id bigint,
    user_id bigint NOT NULL,
    event text NOT NULL DEFAULT 'page_view',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);
CREATE TABLE stock (LIKE child INCLUDING DEFAULTS);
CREATE TABLE aside (LIKE child INCLUDING DEFAULTS);
SELECT create_distributed_table('parent', 'id', shard_count => 32, colocate_with => 'none');
SELECT create_distributed_table('child', 'user_id', colocate_with => 'parent');
SELECT create_distributed_table('stock', 'user_id', colocate_with => 'parent');
SELECT create_distributed_table('aside', 'user_id', colocate_with => 'parent');
INSERT INTO parent SELECT n, 'parent ' || n FROM generate_series(1, {parents}) AS n;
INSERT INTO child SELECT n, 1 + n % {parents} FROM generate_series(1, {children} - {orphans}) AS n;
INSERT INTO stock SELECT {children} + n, {parents} + 1 + n % ({orphans} / 10) FROM generate_series(1, {orphans}) AS n;
VACUUM ANALYZE
"""
AGAIN = """
INSERT INTO child SELECT * FROM stock;
VACUUM ANALYZE child;
TRUNCATE aside;
DROP SCHEMA IF EXISTS sqlrail CASCADE;
CHECKPOINT
"""
INTO = """
INSERT INTO aside SELECT c.* FROM child AS c WHERE NOT EXISTS (SELECT 1 FROM parent AS p WHERE p.id = c.user_id)
"""
DELETE = "DELETE FROM child AS c WHERE NOT EXISTS (SELECT 1 FROM parent AS p WHERE p.id = c.user_id)"
BY_KEY = "DELETE FROM child AS c USING aside AS a WHERE a.user_id = c.user_id AND a.id = c.id"
FEW = "SET citus.max_adaptive_executor_pool_size = 2"
BY_HAND = {
    "the same look twice": ("BEGIN", INTO, DELETE, "COMMIT"),
    "the same look twice, two connections a node": (FEW, "BEGIN", INTO, DELETE, "COMMIT"),
    "by the table beside, two connections a node": (FEW, "BEGIN", INTO, BY_KEY, "COMMIT"),
}


@dataclass(frozen=True)
class Load:
    """A database on every node, and its rows."""

    url: str
    nodes: tuple[str, ...]  # the URLs of all of them
    children: int
    orphans: int

    def again(self) -> None:
        """All rows as they were, no page to be written any more."""
        for url in self.nodes[1:]:
            send(url, "CHECKPOINT")
        for statement in AGAIN.split(";"):
            send(self.url, statement)

    def check(self) -> None:
        """RuntimeError if not as many rows are gone as were orphans."""
        with psycopg.connect(self.url) as connection:
            [(left,)] = connection.execute("SELECT count(*) FROM child").fetchall()
        if left != self.children - self.orphans:
            raise RuntimeError(f"{left:,} rows are left")

    def took(self, command: list[str]) -> float:
        """Wall seconds of a command that cleans it."""
        self.again()
        seconds = run(command, self.url)
        self.check()
        return seconds


def send(url: str, statement: str) -> None:
    """One statement on a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def made(url: str, children: int, parents: int, orphans: int) -> Iterator[Load]:
    """A database with its rows on every node of the cluster."""
    with psycopg.connect(url, autocommit=True) as one:
        others = one.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0").fetchall()
        places = [(one.info.host, one.info.port), *others]
    servers = [make_conninfo(url, host=host, port=port) for host, port in places]
    nodes = tuple(make_conninfo(server, dbname=NAME) for server in servers)
    try:
        for server, node in zip(servers, nodes, strict=True):
            send(server, f"CREATE DATABASE {NAME}")
            send(node, "CREATE EXTENSION citus")
        (host, port), *others = places
        send(nodes[0], f"SELECT citus_set_coordinator_host('{host}', {port})")
        for host, port in others:
            send(nodes[0], f"SELECT citus_add_node('{host}', {port})")
        for statement in DATA.format(children=children, parents=parents, orphans=orphans).split(";"):
            send(nodes[0], statement)
        yield Load(nodes[0], nodes, children, orphans)
    finally:
        for server in servers:
            send(server, f"DROP DATABASE IF EXISTS {NAME} (FORCE)")


def compare(load: Load, pairs: int) -> list[list[str]]:
    """The rows of a table: the quickest way by hand, and a cleanup beside it."""
    commands = {
        name: [
            "psql",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            load.url,
            *(f"--command={each}" for each in statements),
        ]
        for name, statements in BY_HAND.items()
    }
    way = min(commands, key=lambda name: min(load.took(commands[name]) for _ in range(2)))
    cleanup = [PYTHON, str(ROOT / "runner.py"), "cleanup", "--relation", "child.user_id -> parent.id"]
    ours = [*cleanup, "--max-rows", str(load.orphans)]
    turns = [(load.took(commands[way]), load.took(ours)) for _ in range(pairs)]
    floor, seconds = (median(each) for each in zip(*turns, strict=True))
    ratio = median(ours / hand for hand, ours in turns)
    many = f"{load.orphans:,}"
    return [[many, way, "1.00", f"{floor:.2f}"], [many, "sqlrail cleanup", f"{ratio:.2f}", f"{seconds:.2f}"]]


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--url", required=True, help="of the coordinator")
    parser.add_argument("--children", type=int, default=3_000_000)
    parser.add_argument("--parents", type=int, default=300_000)
    parser.add_argument("--orphans", default="30000,300000", help="how many of the children have no parent")
    options = parser.parse_args()
    rows = []
    for orphans in map(int, options.orphans.split(",")):
        database = partial(made, options.url, options.children, options.parents)
        with database(orphans) as load:
            rows += compare(load, options.pairs)
            print(rows[-2:], flush=True)
    columns = ["orphans", "", "÷ by hand", "seconds"]
    title = f"{options.children:,} children in 32 shards"
    report = "\n".join([HEAD.format(pairs=options.pairs), common.table(title, columns, rows)])
    print(report)
    if options.write:
        common.write(options.write, report)


HEAD = """## citus

`make bench-citus ARGS='--url URL'`, on a cluster that is there: here one coordinator and three workers of 13.2.2, all
of them on the same two cores, so that the ratios say something roughly, and the seconds nothing. Children lie together
with their parents by the key. By hand the orphans go into a table beside the shards (`INSERT … SELECT`) that is there,
and are deleted then: of three such ways the quickest goes in turns with `sqlrail cleanup`. Either begins behind VACUUM
ANALYZE and a checkpoint; {pairs} pairs.
"""

if __name__ == "__main__":
    main()

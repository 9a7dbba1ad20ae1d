"""What lint says of Citus: what a cluster refuses is found in the files, and nothing else is.

Without TEST_CITUS_URL only the first half is tried; with it each case is held against a cluster.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from cluster import Cluster
from conftest import query
from console import Sqlrail, put
from console import sqlrail as sqlrail

from sqlrail.files.file import read_file
from sqlrail.verbs.lint import Finding, check

BASE = """
    CREATE TABLE users (id int PRIMARY KEY, email text, team int);
    CREATE TABLE orders (
        id int, user_id int, total numeric DEFAULT round(1.5, (1 + 1)), "Place, id" int, PRIMARY KEY (user_id, id));
    CREATE TABLE places (id int PRIMARY KEY, user_id int);
    CREATE TABLE odd ("User" int, at date, UNIQUE (at, "User")) PARTITION BY RANGE (at);
    CREATE TABLE odd_1 PARTITION OF odd FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    SELECT create_distributed_table('public.users', 'id');
    SELECT create_distributed_table('orders', distribution_column => 'user_id', colocate_with => 'users');
    SELECT create_reference_table('places'), create_distributed_table('odd'::regclass, 'User');
"""
#: what a statement says against Citus, and the rule
REFUSED = {
    "a unique index by another column": ("CREATE UNIQUE INDEX ON users (email)", "unique-key"),
    "one with the column in INCLUDE": ("CREATE UNIQUE INDEX ON users (email) INCLUDE (id)", "unique-key"),
    "one over an expression of it": ("CREATE UNIQUE INDEX ON public.users USING btree ((id + 1))", "unique-key"),
    "a unique constraint": ("ALTER TABLE users ADD CONSTRAINT u UNIQUE (email)", "unique-key"),
    "one of a new column": ("ALTER TABLE orders ADD note int, ADD COLUMN c text COLLATE \"C\" UNIQUE", "unique-key"),
    "an exclusion": ("ALTER TABLE orders ADD EXCLUDE (total WITH =)", "unique-key"),
    "one of a partition": ("CREATE UNIQUE INDEX ON odd_1 (at)", "unique-key"),
    "a table's own, when it is distributed": (
        "CREATE TABLE t (id int PRIMARY KEY, a int); SELECT create_distributed_table('t', 'a')", "unique-key"),
    "a table's own beside others": (
        "CREATE TABLE t (a int, b int UNIQUE, PRIMARY KEY (a, b)); SELECT create_distributed_table('t', 'a')",
        "unique-key"),
    "a key to a table by another column": ("ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES users", "foreign-key"),
    "a key of a new column": ("ALTER TABLE orders ADD c int REFERENCES users (id)", "foreign-key"),
    "a key of a reference table": ("ALTER TABLE places ADD FOREIGN KEY (user_id) REFERENCES users", "foreign-key"),
    "a key that sets the column": (
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL", "foreign-key"),
    "one that does to a reference table": (
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES places (id) ON DELETE SET DEFAULT", "foreign-key"),
    "a key that changes it with the parent's": (
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE",
        "foreign-key"),
    "a table's own key, when it is distributed": (
        "CREATE TABLE t (id int, user_id int REFERENCES users); SELECT create_distributed_table('t', 'id')",
        "foreign-key"),
    "another type": ("ALTER TABLE users ALTER COLUMN id TYPE bigint", "distribution-column"),
    "a default": ("ALTER TABLE orders ALTER user_id SET DEFAULT 4", "distribution-column"),
    "nulls": ("ALTER TABLE orders ALTER user_id DROP NOT NULL", "distribution-column"),
    "without the column": ("ALTER TABLE orders DROP COLUMN IF EXISTS user_id CASCADE", "distribution-column"),
    "another value": ("UPDATE orders AS o SET total = 1, user_id = 2 WHERE id = 3", "distribution-column"),
    "another value, in a list": ("UPDATE public.orders SET (total, user_id) = (1, 2)", "distribution-column"),
    "its own value and more": ("UPDATE orders SET user_id = user_id + 1", "distribution-column"),
    "by another name": (
        "ALTER TABLE orders RENAME user_id TO owner; ALTER TABLE orders DROP owner", "distribution-column"),
    "a table by another name": ("ALTER TABLE orders RENAME TO o; ALTER TABLE o DROP user_id", "distribution-column"),
    "while it is written, in a transaction": (
        "CREATE TABLE t (id int); SELECT create_distributed_table_concurrently('t', 'id')",
        "concurrently-in-transaction"),
}  # fmt: skip
#: what is nothing against it
TAKEN = {
    "an index": "CREATE INDEX ON users (email)",
    "a unique index with the column": "CREATE UNIQUE INDEX u ON users (lower(email), id DESC)",
    "a unique key of a reference table": "ALTER TABLE places ADD UNIQUE (user_id)",
    "a key between them by their columns":
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE",
    "a key to a reference table":
        'ALTER TABLE orders ADD FOREIGN KEY ("Place, id") REFERENCES places ON DELETE SET NULL',
    "a key that sets another column": "ALTER TABLE orders ADD c int REFERENCES places (id) ON DELETE SET NULL",
    "NOT NULL": "ALTER TABLE orders ALTER user_id SET NOT NULL, ALTER total TYPE float8, DROP \"Place, id\"",
    "its own value": "UPDATE orders SET user_id = user_id, total = 2; UPDATE orders AS o SET user_id = o.user_id",
    "another table's column of that name": "UPDATE places SET user_id = 1; ALTER TABLE places DROP user_id",
    "what is no longer distributed":
        "SELECT undistribute_table('orders'); ALTER TABLE orders ALTER user_id TYPE bigint",
    "by another column from now on": "SELECT alter_distributed_table('orders', 'id'); UPDATE orders SET user_id = 1",
    "a key that was dropped before":
        "CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t DROP CONSTRAINT t_pkey; "
        "ALTER TABLE t ADD PRIMARY KEY (id, a); SELECT create_distributed_table('t', 'a', shard_count => 4)",
    "what only speaks of it":
        "SELECT 'create_distributed_table(''users'', ''email'')'; CREATE TABLE u (a int UNIQUE)",
    "another table of its name": "DROP TABLE orders; CREATE TABLE orders (id int PRIMARY KEY, user_id int UNIQUE)",
}  # fmt: skip


def said(folder: Path, *texts: str) -> list[Finding]:
    """What lint says of files one after the other; of Citus alone."""
    files = {f"{number:03}_a.sql": text for number, text in enumerate(texts, 1)}
    put(files, folder)
    found = check([read_file(folder / name) for name in files], 15)
    return [one for one in found if one.rule.startswith("citus-")]


def run(citus: Cluster, texts: str) -> None:
    for statement in texts.split(";"):
        if statement.strip():
            citus.rows(statement)


@pytest.mark.parametrize(("text", "rule"), REFUSED.values(), ids=REFUSED)
def test_what_citus_refuses_is_found(tmp_path: Path, text: str, rule: str) -> None:
    assert [one.rule for one in said(tmp_path, BASE, text)] == [f"citus-{rule}"]


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_what_citus_takes_is_not(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, BASE, text) == []


@pytest.mark.promise
@pytest.mark.parametrize("text", [text for text, _ in REFUSED.values()], ids=REFUSED)
def test_a_cluster_refuses_it(citus: Cluster, text: str) -> None:
    run(citus, BASE)
    *before, last = text.split(";")
    with citus.connect() as connection, connection.transaction(force_rollback=True):
        for statement in before:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error):
            connection.execute(last.encode())


@pytest.mark.promise
@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_a_cluster_takes_it(citus: Cluster, text: str) -> None:
    run(citus, BASE)
    run(citus, text)


@pytest.mark.promise
def test_what_it_takes_and_does_not_keep_is_found(citus: Cluster, tmp_path: Path) -> None:
    """Citus takes the distribution column of INCLUDE for one of the key's, and each shard keeps to itself."""
    text = "ALTER TABLE users ADD UNIQUE (email) INCLUDE (id)"
    run(citus, f"{BASE}; {text}")
    shard = "get_shard_id_for_distribution_column('users', n)"
    apart = f"SELECT min(n), 'the same' FROM generate_series(1, 99) AS n GROUP BY {shard} LIMIT 2"
    citus.rows(f"INSERT INTO users {apart}")
    assert citus.rows("SELECT count(*) FROM users WHERE email = 'the same'") == [(2,)]
    assert [one.rule for one in said(tmp_path, BASE, text)] == ["citus-unique-key"]


def test_distributing_a_table_that_may_have_rows_keeps_its_writers_out(tmp_path: Path) -> None:
    made = "CREATE TABLE t (id int); CREATE TABLE u (id int); SELECT create_reference_table('u')"
    assert said(tmp_path, made) == []
    (one,) = said(tmp_path, made, "\n  SELECT create_distributed_table('t', 'id');")
    assert (one.rule, one.line, one.column) == ("citus-blocking-distribution", 2, 3)
    assert "create_distributed_table_concurrently" in one.remedy
    outside = "-- transactional: false\nSELECT create_distributed_table_concurrently('t', 'id');"
    assert said(tmp_path, made, outside) == []


def test_a_rule_of_ours_is_ignored_with_a_reason(tmp_path: Path) -> None:
    reason = "-- lint: ignore citus-unique-key because each shard has emails of its own"
    assert said(tmp_path, BASE, f"{reason}\nCREATE UNIQUE INDEX ON users (email);") == []


@pytest.mark.promise
def test_what_a_cluster_has_distributed_is_known_to_lint_and_plan(citus: Cluster, sqlrail: Sqlrail) -> None:
    env = {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development"}
    run(citus, BASE)
    put({"migrations/001_a.sql": "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY u ON odd_1 (at)"})
    for words in (["lint"], ["lint", "migrations/001_a.sql"]):
        (one,) = sqlrail(*words, "--json", env=env).document["findings"]
        assert one["rule"] == "citus-unique-key"
        assert 'public.odd_1 is distributed by "User"' in one["message"]


def test_without_citus_nothing_is_asked_of_it(database: str, sqlrail: Sqlrail) -> None:
    query(database, "CREATE TABLE users (id int)")
    put({"migrations/001_a.sql": "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY u ON users (id)"})
    assert sqlrail("lint", "--check", env={"DATABASE_URL": database}).code == 0

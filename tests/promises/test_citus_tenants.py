"""Schemas that Citus shards, as tenants and by themselves: tables lie on a node, records on the coordinator."""

from __future__ import annotations

import re
from contextlib import closing

import psycopg
import pytest
from cluster import Cluster
from conftest import ROOT
from console import Sqlrail, put
from console import sqlrail as sqlrail
from psycopg import sql

pytestmark = pytest.mark.promise

#: as bad as a name can be
WORST = 'a"b c.d\\e%s;$made$'
EACH = ["--each", "SELECT nspname FROM pg_dist_schema JOIN pg_namespace ON oid = schemaid ORDER BY 1"]
FILES = {
    "migrations/001_pets.sql": """
        CREATE TABLE pets (id int PRIMARY KEY, name text);
        CREATE TABLE toys (id int PRIMARY KEY, pet int);
        INSERT INTO pets VALUES (1, 'Rex'); INSERT INTO toys VALUES (1, 1), (2, 7);
    """,
    "migrations/002_names.sql": "CREATE INDEX ON pets (name);\nALTER TABLE toys ADD COLUMN note text;\n",
    "migrations/002_names.rollback.sql": "ALTER TABLE toys DROP COLUMN note;\nDROP INDEX pets_name_idx;\n",
}
RECORDS = "SELECT FROM pg_dist_partition JOIN pg_class ON oid = logicalrelid WHERE relname ~ 'yoyo'"


def shard(citus: Cluster, *schemas: str) -> None:
    with citus.connect() as connection:
        connection.execute("SET citus.enable_schema_based_sharding = on")
        for schema in schemas:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))


def env(citus: Cluster, **more: str) -> dict[str, str]:
    return {"DATABASE_URL": citus.url, "SQLRAIL_ENV": "development", **more}


def recorded(citus: Cluster, schema: str) -> list[str]:
    named = sql.Identifier(schema, "_yoyo_migration").as_string()
    return [name for (name,) in citus.rows(f"SELECT migration_id FROM {named} ORDER BY 1")]


def tables_of(citus: Cluster, schema: str) -> list[str]:
    found = "SELECT relname FROM pg_dist_partition JOIN pg_class AS c ON c.oid = logicalrelid JOIN pg_namespace AS n"
    with citus.connect() as connection:
        text = f"{found} ON n.oid = relnamespace WHERE nspname = %s ORDER BY 1".encode()
        return [name for (name,) in connection.execute(text, [schema])]


def test_every_verb_works_for_tenants_whose_schemas_are_sharded(citus: Cluster, sqlrail: Sqlrail) -> None:
    put(FILES)
    shard(citus, "acme", WORST)
    for words in (
        "plan", "migrate", "status --check", "migrate", "drift --check", "doctor --quick", "rollback --yes", "migrate",
        "cleanup --relation toys.pet->pets.id", "status --check", "archive list", "repair --yes", "lint --all",
    ):  # fmt: skip
        each = [] if words == "lint --all" else EACH
        done = sqlrail(*words.split(), *each, env=env(citus))
        assert (words, done.code) == (words, 0), done.err
    for schema in ("acme", WORST):
        assert recorded(citus, schema) == ["001_pets", "002_names"]
        assert tables_of(citus, schema) == ["pets", "toys"]
    assert citus.rows("SELECT id FROM acme.toys") == [(1,)]
    assert citus.rows(RECORDS) == []


def test_a_schema_that_was_moved_goes_on_where_it_is(citus: Cluster, sqlrail: Sqlrail) -> None:
    put(FILES)
    shard(citus, "acme")
    assert sqlrail("migrate", *EACH, "--to", "001_pets", env=env(citus)).code == 0
    ((place,),) = citus.rows(
        "SELECT nodeid FROM citus_shards JOIN pg_dist_node USING (nodename, nodeport) LIMIT 1"
    )
    ((host, port),) = citus.rows(
        f"SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0 AND nodeid <> {place} LIMIT 1"
    )
    citus.rows(f"SELECT citus_schema_move('acme', '{host}', {port}, 'block_writes')")
    done = sqlrail("migrate", *EACH, env=env(citus))
    assert done.code == 0, done.err
    assert recorded(citus, "acme") == ["001_pets", "002_names"]
    assert sqlrail("drift", "--check", *EACH, env=env(citus)).code == 0


def test_a_file_that_fails_leaves_neither_its_record_nor_anything_on_its_node(
    citus: Cluster, sqlrail: Sqlrail
) -> None:
    put(
        {
            **FILES,
            "migrations/003_bad.sql": "CREATE TABLE more (id int);\nINSERT INTO pets VALUES (2);\nSELECT 1 / 0;\n",
        }
    )
    shard(citus, "acme", "other")
    failed = sqlrail("migrate", *EACH, env=env(citus))
    assert failed.code == 1
    assert "003_bad.sql:3:" in failed.err
    for schema in ("acme", "other"):
        assert recorded(citus, schema) == ["001_pets", "002_names"]
        assert tables_of(citus, schema) == ["pets", "toys"]
    assert citus.rows("SELECT id FROM acme.pets") == [(1,)]


def test_a_plan_meets_what_citus_refuses_of_a_sharded_schema(citus: Cluster, sqlrail: Sqlrail) -> None:
    put(FILES)
    shard(citus, "acme")
    citus.rows("CREATE TABLE public.kinds (id int PRIMARY KEY)")
    assert sqlrail("migrate", *EACH, env=env(citus)).code == 0
    key = "ALTER TABLE pets ADD COLUMN kind int;\nALTER TABLE pets ADD FOREIGN KEY (kind) REFERENCES kinds (id);\n"
    put({"migrations/003_kinds.sql": key})
    planned = sqlrail("plan", *EACH, env=env(citus))
    assert planned.code == 1
    assert "003_kinds.sql:2:1: " in planned.err
    assert 'referenced table "kinds" must be a distributed table or a reference table' in planned.err


def test_a_tenant_that_is_added_is_sharded_where_that_is_set(citus: Cluster, sqlrail: Sqlrail) -> None:
    put(FILES)
    done = sqlrail(
        "tenant", "add", "newt", env=env(citus, PGOPTIONS="-c citus.enable_schema_based_sharding=on")
    )
    assert done.code == 0, done.err
    assert citus.rows("SELECT schema_name::text FROM citus_schemas") == [("newt",)]
    assert tables_of(citus, "newt") == ["pets", "toys"]
    assert sqlrail("status", "--check", *EACH, env=env(citus)).code == 0


def test_a_sharded_schema_may_be_the_first_of_the_search_path(citus: Cluster, sqlrail: Sqlrail) -> None:
    put(FILES)
    shard(citus, "a tenant")
    there = env(citus, PGOPTIONS='-c search_path="a\\ tenant"')
    done = sqlrail("migrate", env=there)
    assert done.code == 0, done.err
    assert (recorded(citus, "a tenant"), citus.rows(RECORDS)) == (["001_pets", "002_names"], [])
    assert sqlrail("status", "--check", env=there).code == 0


def test_records_that_went_with_their_schema_are_refused_and_come_back(
    citus: Cluster, sqlrail: Sqlrail
) -> None:
    put(FILES)
    citus.rows("CREATE SCHEMA late")
    citus.rows("CREATE SCHEMA other")
    each = ["--each", "SELECT unnest(ARRAY['late', 'other'])"]
    assert sqlrail("migrate", *each, "--to", "001_pets", env=env(citus)).code == 0
    citus.rows("SELECT citus_schema_distribute('late')")
    before = citus.rows("SELECT * FROM late._yoyo_log ORDER BY id")
    for verb in ("status", "plan", "migrate", "rollback --yes", "doctor", "drift"):
        refused = sqlrail(*verb.split(), *each, env=env(citus))
        assert (verb, refused.code) == (verb, 3)
        assert "taken yoyo's tables to another node with the schema late" in refused.err
    alone = sqlrail("migrate", env=env(citus, PGOPTIONS="-c search_path=late"))
    assert (alone.code, "schema late" in alone.err) == (3, True)
    assert tables_of(citus, "late").count("_yoyo_log") == 1
    (back,) = re.findall(r"```sql\n(DO .*?)```", (ROOT / "docs" / "citus.md").read_text(), re.DOTALL)
    for _ in range(2):
        citus.rows(back)
    assert (citus.rows(RECORDS), citus.rows("SELECT * FROM late._yoyo_log ORDER BY id")) == ([], before)
    done = sqlrail("migrate", *each, env=env(citus))
    assert done.code == 0, done.err
    assert recorded(citus, "late") == recorded(citus, "other") == ["001_pets", "002_names"]


def test_a_lock_on_the_tenant_s_node_is_given_way_to(citus: Cluster, sqlrail: Sqlrail) -> None:
    put(FILES)
    shard(citus, "acme")
    assert sqlrail("migrate", *EACH, "--to", "001_pets", env=env(citus)).code == 0
    with closing(psycopg.connect(citus.url)) as reader:  # whom the index waits for
        reader.execute("UPDATE acme.pets SET name = 'mine'")
        failed = sqlrail("migrate", *EACH, "--lock-timeout", "1s", "--retry-for", "0", env=env(citus))
    assert failed.code == 1
    assert recorded(citus, "acme") == ["001_pets"]
    assert sqlrail("migrate", *EACH, env=env(citus)).code == 0

"""What is read from a catalog, and told apart: all that pg_dump knows, and nothing that is somebody else's."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from aftermath import FIXTURES
from conftest import ROOT, query
from test_drift import both, build, look, script

from sqlrail.postgres import streams
from sqlrail.schema.compare import compare, outermost
from sqlrail.schema.kinds import ABOUT_OBJECTS, STAGES
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog, Fact, Key
from sqlrail.schema.reader import object_of

__all__ = ["both"]  # the fixture

# What has the name of something else

NAMESAKES = """
CREATE TABLE a (id int PRIMARY KEY, code int NOT NULL);
CREATE UNIQUE INDEX a_code ON a (code);
ALTER TABLE a REPLICA IDENTITY USING INDEX a_code;
CREATE TABLE full_ (id int, code int); ALTER TABLE full_ REPLICA IDENTITY FULL;
CREATE STATISTICS full_ ON id, code FROM full_;
CREATE STATISTICS a ON id, code FROM a;
COMMENT ON STATISTICS a IS 'of that name';
CREATE SEQUENCE share; CREATE DOMAIN share AS int CONSTRAINT share CHECK (VALUE > 0);
COMMENT ON CONSTRAINT share ON DOMAIN share IS 'of that name';
CREATE SCHEMA citext; CREATE EXTENSION citext;
CREATE SEQUENCE pair OWNED BY full_.id; CREATE TYPE pair AS ENUM ('a');
CREATE FUNCTION a() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER a BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION a();
CREATE POLICY a ON a; ALTER TABLE a ADD CONSTRAINT code CHECK (code > 0);
CREATE RULE a AS ON DELETE TO a DO INSTEAD NOTHING;
"""


def _changed(catalog: Catalog, key: Key) -> Catalog:
    """The same with other facts of one object."""
    it = catalog.objects[key]
    facts = {name: Fact(f"{fact.value}, changed", fact.sets) for name, fact in it.facts.items()}
    return Catalog({**catalog.objects, key: it._replace(facts=facts)}, catalog.needs)


def _without(catalog: Catalog, key: Key) -> Catalog:
    """The same without an object and its parts."""
    it = catalog.objects[key]
    parts = {one.key for one in catalog.objects.values() if key in one.home or one.belongs_to == it.address}
    return catalog.without({key, *parts})


def test_whatever_has_a_statement_is_a_difference_that_is_told(both: tuple[str, str]) -> None:
    one, other = both
    everything = (FIXTURES / "everything.sql").read_text().replace("{rows}", "9")
    build(one, everything)
    empty, full = look(other), build(one, NAMESAKES)
    assert len(full.objects) > 300
    for key in full.objects:
        for less in (_without(full, key), full.without({key}), _changed(full, key)):
            for wanted, there in ((full, less), (less, full)):
                found = compare(wanted, there)
                if mend(wanted, there, found):
                    assert outermost(found), key
    for wanted, there in ((empty, full), (full, empty)):
        told = {one.object.key for one in outermost(compare(wanted, there)) if one.what != "changed"}
        assert {
            key for key, it in full.objects.items() if not it.home and it.belongs_to == it.address
        } >= told
        assert told >= {
            it.key for it in full.of(["table", "view", "sequence", "domain", "function", "extension"])
        }


@pytest.mark.parametrize(
    ("kind", "query"), [it for kinds in STAGES for it in kinds.items() if it[1] not in ABOUT_OBJECTS]
)
def test_every_kind_is_found_by_the_query_that_is_named(kind: str, query: str) -> None:
    assert f"'{kind}'" in (ROOT / f"sql/schema/_catalog_{query}.sql").read_text()


def test_a_kind_without_a_stage_is_not_read() -> None:
    row = ("1/2/0", "parser", None, None, "p", "p", None, "", *[None] * 5, False, False, "[]")
    with pytest.raises(AssertionError, match=r"parser is not in schema/kinds\.py"):
        object_of(row, 180000)


def test_what_goes_with_its_namesake_comes_back_with_it(both: tuple[str, str]) -> None:
    one, _ = both
    wanted = build(one, NAMESAKES)
    for gone, told in (
        ("DROP TABLE a", {("table", "public.a")}),
        ("DROP STATISTICS a", {("statistics", "public.a")}),
        ("ALTER TABLE a REPLICA IDENTITY DEFAULT", {("replica identity", "public.a")}),
        ("DROP DOMAIN share", {("domain", "public.share")}),
        ("ALTER DOMAIN share DROP CONSTRAINT share", {("domain constraint", "public.share.share")}),
        ("DROP TYPE pair", {("enum", "public.pair")}),
        ("DROP EXTENSION citext", {("extension", "citext")}),
    ):
        left = build(one, gone)
        assert {it.object.key for it in outermost(compare(wanted, left))} == told
        assert {it.object.key for it in outermost(compare(left, wanted))} == told
        assert compare(wanted, build(one, script(wanted, left))) == []


# How it is read


def test_a_libpq_that_gives_whole_results_only_reads_the_same(
    both: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = build(both[0], (FIXTURES / "everything.sql").read_text().replace("{rows}", "9"))
    monkeypatch.setattr("psycopg.pq.version", lambda: 160000)
    there = look(both[0])
    assert compare(wanted, there) == []
    assert there.needs == wanted.needs


def test_who_stops_reading_in_the_middle_has_a_connection_that_goes_on(database: str) -> None:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        with closing(
            streams.stream(connection, b"SELECT generate_series(1, 5000); SELECT pg_sleep(600)")
        ) as results:
            assert next(next(results)) == (1,)
        assert connection.execute("SELECT 1").fetchone() == (1,)


# What is somebody else's

MEMBERS = """
CREATE TABLE e (id int PRIMARY KEY, code int NOT NULL DEFAULT 1, number serial, row int GENERATED ALWAYS AS IDENTITY,
                CONSTRAINT e_positive CHECK (code > 0), UNIQUE (code)) WITH (fillfactor = 70);
ALTER TABLE e REPLICA IDENTITY USING INDEX e_code_key;
CREATE STATISTICS e ON id, code FROM e;
CREATE INDEX e_number ON e (number);
CREATE FUNCTION ef() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER e BEFORE INSERT ON e FOR EACH ROW EXECUTE FUNCTION ef();
CREATE POLICY e ON e; ALTER TABLE e ENABLE ROW LEVEL SECURITY;
CREATE RULE e AS ON DELETE TO e DO INSTEAD NOTHING;
COMMENT ON TABLE e IS 'e'; COMMENT ON COLUMN e.id IS 'e'; COMMENT ON CONSTRAINT e_positive ON e IS 'e';
COMMENT ON INDEX e_number IS 'e'; COMMENT ON STATISTICS e IS 'e';
GRANT SELECT ON e TO PUBLIC; GRANT UPDATE (id) ON e TO PUBLIC;
CREATE VIEW ev AS SELECT id FROM e; COMMENT ON COLUMN ev.id IS 'e'; GRANT SELECT ON ev TO PUBLIC;
CREATE MATERIALIZED VIEW em AS SELECT id FROM e; CREATE UNIQUE INDEX em_id ON em (id);
CREATE DOMAIN ed AS int CONSTRAINT positive CHECK (VALUE > 0); COMMENT ON CONSTRAINT positive ON DOMAIN ed IS 'e';
CREATE TYPE ee AS ENUM ('a'); CREATE TYPE ec AS (a int); COMMENT ON COLUMN ec.a IS 'e';
CREATE SEQUENCE es; CREATE SCHEMA ex; CREATE TABLE ep (id int) PARTITION BY LIST (id);
CREATE TABLE ep_1 PARTITION OF ep FOR VALUES IN (1); CREATE INDEX ep_id ON ep (id);
CREATE TRIGGER ep AFTER INSERT ON ep FOR EACH ROW EXECUTE FUNCTION ef();
"""
JOINS = (
    "TABLE e", "SEQUENCE e_number_seq", "FUNCTION ef()", "VIEW ev", "MATERIALIZED VIEW em", "DOMAIN ed", "TYPE ee",
    "TYPE ec", "SEQUENCE es", "SCHEMA ex", "TABLE ep", "TABLE ep_1",
)  # fmt: skip


def test_nothing_of_an_extension_is_read(both: tuple[str, str]) -> None:
    one, other = both
    alone = build(other, "CREATE EXTENSION citext")
    build(one, f"CREATE EXTENSION citext; {MEMBERS}")
    query(one, ";".join(f"ALTER EXTENSION citext ADD {it}" for it in JOINS))
    with_privileges = look(one, privileges=True)
    assert with_privileges.objects.keys() == look(other, privileges=True).objects.keys()
    assert mend(alone, look(one), compare(alone, look(one))) == []


def test_what_is_ours_may_build_on_an_extension(both: tuple[str, str]) -> None:
    one, other = both
    join = ";".join(f"ALTER EXTENSION citext ADD {it}" for it in JOINS)
    extension = f"CREATE EXTENSION citext; {MEMBERS} {join};"
    mine = (
        "CREATE TABLE mine (kind ee, own ed, pair ec) INHERITS (e); CREATE VIEW own AS SELECT id FROM ev;"
        "CREATE TRIGGER mine BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION ef();"
        "CREATE TABLE ep_2 PARTITION OF ep FOR VALUES IN (2); CREATE TABLE ex.there (id int DEFAULT nextval('es'))"
    )
    there, wanted = build(other, extension), build(one, f"{extension} {mine}")
    assert {it.object.name for it in outermost(compare(wanted, there))} == {
        "public.mine", "public.own", "public.ep_2", "ex.there"
    }  # fmt: skip
    assert compare(wanted, build(other, script(wanted, there))) == []

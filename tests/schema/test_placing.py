"""Tables that lie together on a cluster: the planned calls make of any groups any others, with no move too many."""

from __future__ import annotations

import random
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import pytest
from conftest import FAST, SYSTEM, fresh_database, query
from servers import own_server

from sqlrail.ground.reading import given
from sqlrail.postgres import streams
from sqlrail.postgres.connect import Connection, connect
from sqlrail.schema import catalog
from sqlrail.schema.compare import Change, compare
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog, Fact, Object
from sqlrail.server import local

TABLES = [f'public."t, {number}"' for number in range(6)]
Groups = Mapping[str, int]
#: a call, its table, and with which other one
CALL = re.compile(r"SELECT (\w+)\('(.*?)'.*?(?:colocate_with => '(.*?)'.*)?\)")


def catalog_of(groups: Groups, columns: Mapping[str, str]) -> Catalog:
    """Tables that are distributed, as they are read: each names those of its group."""
    found = Catalog()
    for name, group in groups.items():
        together = ", ".join(sorted(it for it in groups if groups[it] == group))
        facts = {
            None: Fact("distributed"),
            "column": Fact(columns[name], "SELECT alter"),
            "shard count": Fact("8", "SELECT alter"),
            "together with": Fact(together, "SELECT alter"),
        }
        creates = f"SELECT create_distributed_table('{name}', '{columns[name]}', colocate_with => 'none')"
        drops = f"SELECT undistribute_table('{name}')"
        where = f"distribution/1/{TABLES.index(name)}/0"
        found.add(
            Object(
                where, "distribution", "public", name, name, "distribution", None, creates, dropping=drops, facts=facts
            )
        )  # fmt: skip
        found.needs[("distribution", name)] = {}
    return found


def run(calls: list[str], groups: Groups) -> dict[str, int]:
    """What the calls make of groups, as Citus would."""
    there, new = dict(groups), 100
    for call in calls:
        found = CALL.fullmatch(call)
        if found is None:
            assert "multi_shard_modify_mode" in call
        elif found[1] == "undistribute_table":
            del there[found[2]]
        else:
            assert (found[1] == "create_distributed_table") == (found[2] not in there)
            new += 1
            there[found[2]] = new if found[3] == "none" else there[found[3]]
    return there


def partition(groups: Groups) -> set[frozenset[str]]:
    return {frozenset(name for name in groups if groups[name] == group) for group in groups.values()}


@pytest.mark.parametrize("seed", range(6))
def test_groups_become_what_is_wanted(seed: int) -> None:
    for number in range(50):
        _try(random.Random(f"{seed} {number}"))  # noqa: S311


def _try(chance: random.Random) -> None:
    def groups() -> dict[str, int]:
        return {name: chance.randrange(3) for name in TABLES if chance.random() < 0.8}

    wanted, there = groups(), groups()
    columns = {name: chance.choice("ab") for name in TABLES}
    other = {name: chance.choice("ab") if chance.random() < 0.2 else columns[name] for name in TABLES}
    one, two = catalog_of(wanted, columns), catalog_of(there, other)
    found = compare(one, two)
    calls = [statement.sql for statement in mend(one, two, found)]
    after = run(calls, there)
    assert partition(after) == partition(wanted)
    # Whatever is not told of stays where it is, and what is told of moves.
    told = {difference.object.name for difference in found}
    assert told == {match[2] for call in calls if (match := CALL.fullmatch(call))}
    assert not compare(one, catalog_of(after, columns))


def test_only_what_has_to_moves() -> None:
    a, b, c, *_ = TABLES
    columns = dict.fromkeys(TABLES, "id")
    one, two = catalog_of({a: 1, b: 1, c: 1}, columns), catalog_of({a: 3, b: 1, c: 1}, columns)
    (found,) = compare(one, two)
    assert (found.object.name, *found.changes) == (a, Change("together with", f"{b}, {c}", None))
    calls = [statement.sql for statement in mend(one, two, [found])]
    assert calls[1:-1] == [
        f"SELECT alter_distributed_table('{a}', colocate_with => '{b}', cascade_to_colocated => false)"
    ]


# on a server

#: what of Citus' catalog says where tables lie, on a server without nodes
CITUS = """
    SET allow_system_table_mods = on;
    CREATE TABLE pg_catalog.pg_dist_partition (
        logicalrelid regclass, partmethod "char", partkey text, colocationid int, repmodel "char", autoconverted boolean
    );
    CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass, shardid bigint);
    CREATE FUNCTION pg_catalog.column_to_column_name(regclass, text) RETURNS text LANGUAGE sql RETURN $2;
    RESET allow_system_table_mods;
"""
#: tables, each of which lies in the group that its number has in the array
TABLES_THERE = """
    DO $$ BEGIN FOR n IN 1 .. {number} LOOP EXECUTE format('CREATE TABLE "t, %s" (id int)', n); END LOOP; END $$;
    INSERT INTO pg_dist_partition
    SELECT to_regclass(format('"t, %s"', n)), 'h', 'id', CASE WHEN n % {apart} = 0 THEN 8 ELSE 7 END, 's', false
      FROM generate_series(1, {number}) AS n;
"""


def cluster_of(url: str, number: int, apart: int = 1000) -> str:
    """A database with so many tables in a group, each so-manieth of which lies in another one."""
    query(url, CITUS + TABLES_THERE.format(number=number, apart=apart))
    return url


@pytest.fixture(scope="module")
def debian() -> Iterator[local.Server]:
    """A server with libxml, by which Citus' catalog is asked; no wheel has that."""
    found = sorted(SYSTEM.glob("[0-9]*/bin"))
    if not found:
        pytest.skip("it takes Debian's PostgreSQL: the embedded server has no libxml")
    with own_server(FAST, found[-1]) as server:
        yield server


@pytest.fixture
def databases(debian: local.Server) -> Iterator[list[str]]:
    with ExitStack() as stack:
        yield [stack.enter_context(fresh_database(debian)) for _ in range(4)]


def read(url: str) -> Catalog:
    settings = given(url, "nowhere")
    with closing(connect(settings)) as connection:
        return catalog.read(connection, settings)


def test_what_a_table_lies_together_with_is_read(databases: list[str]) -> None:
    there, wanted = (read(cluster_of(url, 4, apart)) for url, apart in zip(databases, (9, 3), strict=False))
    (found,) = compare(wanted, there)
    others = ", ".join(f'public."t, {n}"' for n in (1, 2, 4))
    assert (found.object.name, *found.changes) == ('public."t, 3"', Change("together with", None, others))
    statements = [statement.sql for statement in mend(wanted, there, [found])]
    assert statements[1:-1] == [
        """SELECT alter_distributed_table('public."t, 3"', colocate_with => 'none', cascade_to_colocated => false)"""
    ]


def test_digests_tell_groups_of_other_tables(databases: list[str]) -> None:
    found = []
    for url, apart in zip(databases, (9, 9, 3), strict=False):
        settings = given(url, "nowhere")
        cluster_of(url, 4, apart)
        with closing(connect(settings)) as connection:
            found += catalog.digests(settings, connection, privileges=True)
    same, again, other = found
    assert same == again
    assert {one.name for one in same.wholes if same.wholes[one] != other.wholes[one]} == {
        f'public."t, {n}"' for n in range(1, 5)
    }


def test_a_group_costs_as_much_as_it_has_tables(
    databases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as much as it has pairs of them: bytes that come in, and bytes that a comparison holds."""
    sizes: list[int] = []
    held: list[int] = []
    stream = streams.stream

    def counting(connection: Connection, text: bytes) -> Iterator[Iterator[tuple[Any, ...]]]:
        sizes.append(0)
        with closing(stream(connection, text)) as results:
            for rows in results:
                yield map(counted, rows)

    def counted(row: tuple[Any, ...]) -> tuple[Any, ...]:
        sizes[-1] += len(repr(row))
        return row

    monkeypatch.setattr(streams, "stream", counting)
    for number, urls in ((200, databases[:2]), (400, databases[2:])):
        wanted, there = (
            read(cluster_of(url, number, apart)) for url, apart in zip(urls, (number // 4, 1000), strict=True)
        )
        tracemalloc.start()
        found = compare(wanted, there)
        mend(wanted, there, found)
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(found) == 4
    assert sizes[2] < 2.2 * sizes[0], sizes
    assert held[1] < 2.5 * held[0], held

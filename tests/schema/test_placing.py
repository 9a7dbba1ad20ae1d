"""Tables that lie together on a cluster: the planned calls make of any groups any others, with no move too many."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

import pytest

from sqlrail.schema.compare import compare
from sqlrail.schema.mend import mend
from sqlrail.schema.objects import Catalog, Fact, Object

TABLES = [f'public."t, {number}"' for number in range(6)]
Groups = Mapping[str, int]
#: a call, its table, and with which other one
CALL = re.compile(r"SELECT (\w+)\('(.*?)'.*?(?:colocate_with => '(.*?)'.*)?\)")


def catalog_of(groups: Groups, columns: Mapping[str, str]) -> Catalog:
    """Tables that are distributed, as they are read: each names the others of its group."""
    found = Catalog()
    for name, group in groups.items():
        others = ", ".join(sorted(it for it in groups if groups[it] == group and it != name))
        facts = {
            None: Fact("distributed"),
            "column": Fact(columns[name], "SELECT alter"),
            "shard count": Fact("8", "SELECT alter"),
            "together with": Fact(others or None, "SELECT alter"),
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
    assert (found.object.name, found.changes[0].found) == (a, None)
    calls = [statement.sql for statement in mend(one, two, [found])]
    assert calls[1:-1] == [
        f"SELECT alter_distributed_table('{a}', colocate_with => '{b}', cascade_to_colocated => false)"
    ]

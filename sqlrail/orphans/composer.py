"""Fills in the statements of a look and of a cleanup with what the catalog says of a constraint's tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import sql

from sqlrail.ground.constraint import Constraint
from sqlrail.ground.relation import Relation
from sqlrail.orphans import kinds, nodes
from sqlrail.orphans.cleaned import NOTHING, Load
from sqlrail.orphans.expressions import by_table, cells, column_of, joined, matches, table
from sqlrail.orphans.facts import Edge, Facts
from sqlrail.orphans.session import Session, message
from sqlrail.postgres import wire

#: Where Citus has the rows, one in so many is as quickly found by another look at all of them as by its key, which goes
#: to each shard. Measured with 8 shards: 0.17 µs for a row, 17 µs for a key.
BY_KEY = 1 / 100
#: What a deletion hands over costs more a row than what a look does: 6.5 µs, and 2.5. Up to one row in so many that is
#: less than another look, 0.1 µs for each of the child's.
BY_DELETION = 1 / 50


def looking(session: Session, constraint: Constraint, facts: Facts) -> dict[str, Any]:
    """What a look for the rows that violate a constraint is made of."""
    child = table(facts.child)
    return {
        "child": child,
        "rows": sql.SQL("{} AS c").format(child),
        "c": sql.SQL("c"),
        "reads": message(session, "writes"),
        "has_read": message(session, "ours"),
        "has_parents": sql.SQL("true"),
        "max_rows": session.settings.max_rows,
        "max_share": session.settings.max_share,
        "and_lost": b"",
        **kinds.of(constraint).looking(session, constraint, facts),
    }


class Composer:
    """Fills in the statements for one constraint, with the names that the catalog gave."""

    def __init__(
        self,
        session: Session,
        constraint: Constraint,
        facts: Facts,
        *,
        counted: bool = False,
        load: Load = NOTHING,
    ) -> None:
        """For a constraint whose rows a look may have counted a moment ago, for other nodes to clean."""
        self.session, self.facts = session, facts
        self.edges, self.is_set = facts.cascades, bool(facts.sets)
        self.kind = kinds.of(constraint)
        self.online = self.kind.online(facts)
        self._find, self._load = self.kind.find(facts), load
        self._copies_first = counted and facts.together and not self.is_set
        # That a trigger keeps rows shows only where these were found before; a table that is its own parent must not be
        # taken for one without parents once they are gone.
        by_itself = not facts.triggers and facts.child_oid != facts.parent_oid
        self._deletes_first = self._copies_first and by_itself and load.share <= BY_DELETION
        self._packs = self._copies_first and facts.packs and load.orphans >= nodes.PACKED
        self.parts: dict[str, Any] = {
            **looking(session, constraint, facts),
            "ours": message(session, "ours"),
            "writes": message(session, "writes"),
            "relation": str(constraint),
            "are": self.kind.are,
            "went_as": facts.action if self.is_set else self.kind.went_as,
            "unmended": self.kind.unmended,
            "source": facts.child["name"],
            "parent_name": facts.parent.get("name"),
            "cells": cells(facts.child),
            "action": facts.action,
            **_changes(session, constraint, facts),
            "counter": "changed" if facts.sets else "deleted",
            "actor": session.settings.actor,
            "kept_rows": message(session, "_kept_rows", stay="stay"),
            "unchanged_rows": message(session, "_kept_rows", stay="stay as they are"),
            "unmended_rows": message(session, "_unmended_rows"),
            # Where rows lie on other nodes, their keys are staged instead of their places.
            "staging": sql.SQL("TEMP TABLE sqlrail_orphan ON COMMIT DROP"),
            "and_staged": sql.SQL(""),
            "found_in": sql.SQL("(SELECT FROM pg_temp.sqlrail_limit WHERE orphans > 0) AS found"),
            "row_locks": sql.SQL(""),
            "tables": joined(", ", map(table, {it["name"]: it for it in facts.written}.values())),
            "found": sql.SQL("coalesce(sum(rows), 0)::bigint" if facts.distributed else "count(*)"),
            "recover": b"",
            "mode": "parallel" if load.parallel else "sequential",
            **(nodes.packs(facts, load.orphans) if self._packs else {}),
            "target": sql.Identifier(facts.child["schema"], facts.child["table"]),
            "column": sql.Identifier(_writable(constraint, facts)),
            "and_found": b"",
            "with_found": b"",
            "is_below": sql.SQL("is_below" if facts.is_tree else "false"),
            **self.kind.cleaning(session, constraint, facts),
        }

    def __call__(self, name: str, **parts: Any) -> bytes:
        return message(self.session, name, **{**self.parts, **parts})

    def find(self) -> bytes:
        """What stages the rows that violate the constraint."""
        if self._copies_first:
            # So they are looked for once less, or twice less where they are deleted at once.
            parts = {"is_staged": self.parts["violates"], "still": sql.SQL("true")}
            taken = "nodes_delete_batch" if self._deletes_first else "nodes_copy"
            take = self(taken, with_found=b"", and_found=b"", **parts)
            return self("nodes_recover") + self._connections() + take + self("nodes_found")
        return self(self._find)

    def weigh(self, *, are_gone: bool = False, **purpose: Any) -> bytes:
        """What counts the rows that are staged, and refuses too many. are_gone: they are no more among the child's."""
        purpose["and_earlier"] = self._within("_earlier")
        purpose["at_most"] = sql.SQL("" if purpose.get("passed") is None else "at most ")
        if not self.facts.distributed:
            gone = b" + found.orphans" if are_gone else b""
            enough = self.enough(sql.SQL("(found.orphans + earlier.orphans)")) + gone
            return self("weigh_orphans", enough=enough, **purpose)
        gone = b" + found.orphans" if self._deletes_first else b""
        counts = self._within("nodes_rows").decode().rstrip(";\n")
        passed = purpose.get("passed")
        lets = {**purpose, "passed": purpose["expected"] if passed is None else passed}
        counted = self("nodes_enough", counts=counts, **lets)
        return counted + self("weigh_orphans", enough=self._within("_nodes_counted") + gone, **purpose)

    def enough(self, many: sql.Composable) -> bytes:
        """How many rows the child has, as far as tells whether so many are too many."""
        return self._within("_nodes_enough" if self.facts.distributed else "_enough", many=many)

    def _within(self, name: str, **parts: Any) -> bytes:
        """What stands within a line of something else, where a comment would have no place."""
        return wire.message(self.session.connection, name, **{**self.parts, **parts})

    def clean(self, *, in_batch: bool = False) -> bytes:
        """What archives the orphans that are staged, and deletes them or sets their columns."""
        return self._clean(in_batch) + self("deferred_keys")

    def _clean(self, in_batch: bool) -> bytes:
        if not self.facts.distributed:
            return self("set_orphans" if self.is_set else "cleanup")
        if self.is_set:
            return self._set_on_nodes(in_batch)
        taken = None if self._copies_first else "nodes_delete_batch" if in_batch else "nodes_copy"
        two_phases = "nodes_two_phases" if self.facts.alone else None
        archived = "nodes_archive_packs" if self._packs else "nodes_archive"
        before, behind = ("nodes_durable", taken, archived), (two_phases, "nodes_archived")
        deleted = b"" if in_batch or self._deletes_first else self._delete()
        return b"".join([*self._all(before), deleted, *self._all(behind)])

    def _set_on_nodes(self, in_batch: bool) -> bytes:
        # Under the locks nobody has given a row a parent since it was found.
        still = {} if in_batch else {"still": sql.SQL("true")}
        two_phases = "nodes_two_phases" if self.facts.alone else None
        behind = self._all(("nodes_archive", "nodes_mended", two_phases, "nodes_archived"))
        return b"".join([self("nodes_durable"), self("nodes_set", **still), *behind])

    def _connections(self) -> bytes:
        at_most = self._load.connections
        few = b"" if at_most is None else self("nodes_connections", connections=at_most)
        return few + self("nodes_parallel")

    def _delete(self) -> bytes:
        if self._copies_first and self._load.share > BY_KEY:
            return self("nodes_delete_many", deletes=self("_nodes_delete_many").decode())
        return self("nodes_delete")

    def _all(self, names: Iterable[str | None]) -> Iterator[bytes]:
        return (self(name) for name in names if name)

    def cascades(self, **parts: Any) -> bytes:
        """What archives the rows of other tables that go, or are changed, with the orphans that are staged."""
        text = [self._cascade("stage_cascade", edge, **parts) for edge in self.edges]
        return b"".join(text + [self._cascade("archive_cascade", edge) for edge in by_table(self.edges)])

    def _cascade(self, name: str, edge: Edge, **parts: Any) -> bytes:
        keys = [column_of("r", key) for key in edge["keys"]]
        columns = [column_of("t", column) for column in edge["columns"]]
        return self(
            name,
            action=edge["action"],
            table=table(edge["table"]),
            source=edge["table"]["name"],
            cells=cells(edge["table"]),
            referenced=table(edge["referenced"]),
            matches=matches(keys, edge["operators"], columns),
            **parts,
        )


def _writable(constraint: Constraint, facts: Facts) -> str:
    """A column that may be written to: one of the constraint's, if it has such."""
    columns = facts.child["columns"]
    return next((name for name in (*constraint.columns, *columns) if name in columns), "")


def _changes(session: Session, constraint: Constraint, facts: Facts) -> dict[str, Any]:
    """What columns are set to; where no catalog says what that was, the archive keeps what they became."""
    value = constraint.said.value if constraint.said else None
    keeps = bool(facts.sets) and not isinstance(constraint, Relation)
    words = {"set null": "NULL", "set default": "DEFAULT"}
    to = sql.SQL(value or words.get(facts.action or "", ""))
    sets = [sql.Identifier(name) for name in facts.sets or ()]
    became = cells({**facts.child, "columns": list(facts.sets or ())})
    what_became = sql.SQL("(SELECT min(became::text)::jsonb FROM changed)")
    elsewhere: dict[str, Any] = {}
    if facts.sets and facts.distributed:
        elsewhere = nodes.sets(session, constraint, facts)
        what_became = elsewhere.pop("became")
    return {
        "changes": joined(", ", (sql.SQL("{} = {}").format(name, to) for name in sets)),
        "became": became if keeps else sql.SQL("NULL::text"),
        "and_became": sql.SQL(", became" if keeps else ""),
        "and_what_became": sql.SQL(", {}").format(what_became) if keeps else sql.SQL(""),
        **elsewhere,
    }

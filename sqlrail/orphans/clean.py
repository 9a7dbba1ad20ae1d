"""Orphans: rows whose parent is gone. Relations, guards, preview, and the deletion that archives what it deletes.

The order of statements is the argument for their safety; each file of sql/ says its part of it.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import psycopg
from psycopg import sql

from sqlrail.errors import Refused
from sqlrail.ground.events import Orphans
from sqlrail.ground.names import NAME, plain
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection
from sqlrail.postgres.diagnostics import sentence
from sqlrail.postgres.wire import message, named

if TYPE_CHECKING:
    from sqlrail.ground.results import CleanedResult

#: the SQLSTATE that guards written in SQL raise
GUARD = "SR001"
_LIST = rf"\(\s*{NAME}(?:\s*,\s*{NAME})*\s*\)"
_COLUMNS = rf"({NAME}|{_LIST})"
_SIDE = rf"({NAME}(?:\s*\.\s*{NAME})?)\s*\.\s*{_COLUMNS}"
#: a column's default that runs nobody's function
CONSTANT = re.compile(
    r"NULL|(?:\(?-?\d+(?:\.\d+)?\)?|'(?:[^']|'')*')(?:::[\w .\"]+(?:\(\d+(?:,\d+)?\))?)?|true|false"
)
_ACTION = rf"(?:\s+(?i:(DELETE)|(SET\s+NULL|SET\s+DEFAULT)(?:\s*({_LIST}))?))?"


@dataclass(frozen=True)
class Action:
    """What becomes of orphans: delete, set null or set default; and the columns that are set, where not all are."""

    kind: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(map(join, self.columns))})" if self.columns else self.kind


DELETE = Action("delete")


@dataclass(frozen=True)
class Relation:
    """Each row of child whose columns are all not null must name a row of parent by its keys.

    Tables are tuples of names, with the schema where one was given; without one the search_path finds them. What
    becomes of orphans is what somebody has said, else the word of the key that the database has, else `otherwise`;
    where that is None as well, nobody has decided it.
    """

    child: tuple[str, ...]
    columns: tuple[str, ...]
    parent: tuple[str, ...]
    keys: tuple[str, ...]
    said: Action | None = field(default=None, compare=False)
    otherwise: Action | None = field(default=DELETE, compare=False)

    @classmethod
    def parse(cls, text: str) -> Relation:
        """ValueError if the text is not of the form `child.column -> parent.key` or `child.(a, b) -> parent.(x, y)`.

        Behind it may stand what becomes of orphans: `delete`, or `set null` or `set default`, with columns or without.
        """
        match = re.fullmatch(rf"\s*{_SIDE}\s*->\s*{_SIDE}{_ACTION}\s*", text)
        if match is None:
            raise ValueError(
                f"'{text}' is not of the form child.column -> parent.key or child.(a, b) -> parent.(x, y)"
                f"{_no_action(text)}"
            )
        *sides, delete, set_, sets = match.groups()
        child, columns, parent, keys = map(_fold, sides)
        if len(columns) != len(keys):
            raise ValueError(f"'{text}' has {len(columns)} columns for {len(keys)} of the key")
        if others := [column for column in _fold(sets or "") if column not in columns]:
            raise ValueError(f"'{text}' sets {', '.join(map(join, others))}, which is none of its columns")
        said = (
            DELETE if delete else Action(" ".join(set_.lower().split()), _fold(sets or "")) if set_ else None
        )
        return cls(child, columns, parent, keys, said)

    def __str__(self) -> str:
        return f"{_path(self.child, self.columns)} -> {_path(self.parent, self.keys)}"


def _path(table: tuple[str, ...], columns: tuple[str, ...]) -> str:
    return (
        join(*table, *columns) if len(columns) == 1 else f"{join(*table)}.({', '.join(map(join, columns))})"
    )


def _no_action(text: str) -> str:
    """Of a relation with something else behind it: what may stand there."""
    is_relation = re.match(rf"\s*{_SIDE}\s*->\s*{_SIDE}\s", text)
    return ", with `delete`, `set null` or `set default` behind it or nothing" if is_relation else ""


def _fold(path: str) -> tuple[str, ...]:
    return tuple(map(plain, re.findall(NAME, path)))


def join(*names: str) -> str:
    """Names joined by dots as SQL would have them, quoted where they must be."""
    plain = re.compile(r"[a-z_][a-z0-9_]*")
    return ".".join(name if plain.fullmatch(name) else sql.Identifier(name).as_string() for name in names)


@dataclass(frozen=True)
class Seen:
    """What a close look at a relation found; counts are rows of the child, times are text in UTC."""

    rows: int
    missing_keys: int
    null_keys: int
    oldest: str | None
    newest: str | None
    samples: list[dict[str, Any]]  # of the keys that most rows miss: key, the primary key of one row, rows
    timestamp: str | None  # the column that the oldest and the newest are told by


@dataclass(frozen=True)
class Cleaned:
    """What became of a relation's orphans; counts are rows, archived ones include those of cascades."""

    relation: Relation
    orphans: int = 0
    deleted: int = 0
    archived: int = 0
    changed: int = 0  # whose columns were set to null or default
    mixed: int = 0  # with a null in some of the columns, not in all, which a key that is MATCH FULL forbids
    run: int | None = None
    skipped: str | None = None
    refusals: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    cascades: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    seen: Seen | None = field(default=None, compare=False)
    #: what the catalog said
    facts: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def action(self) -> str | None:
        """What becomes of its orphans: delete, set null or set default; None where nobody has decided it."""
        action: str | None = self.facts.get("action")
        return action

    @property
    def is_undecided(self) -> bool:
        """Whether nobody has said what becomes of its orphans; it is refused then."""
        return bool(self.facts.get("undecided"))

    @property
    def is_countable(self) -> bool:
        """Whether it can have orphans: what is no key makes none."""
        return not self.skipped and bool(self.facts["countable"])

    @property
    def cleaned(self) -> int:
        """Rows that were deleted or changed."""
        return self.deleted + self.changed

    @property
    def left(self) -> int:
        """Orphans that were found and not cleaned, by an online cleanup: somebody else had them in hand."""
        return max(0, self.orphans - self.cleaned) if self.run else 0

    def counting(self, rows: int) -> Cleaned:
        """With so many rows more that were cleaned, as its action has it."""
        if self.facts["sets"]:
            return replace(self, changed=self.changed + rows)
        return replace(self, deleted=self.deleted + rows)

    def plus(self, more: Cleaned) -> Cleaned:
        """Both, of two rounds over the same relation."""
        return replace(
            self,
            orphans=self.orphans + more.orphans,
            deleted=self.deleted + more.deleted,
            changed=self.changed + more.changed,
            archived=self.archived + more.archived,
            run=self.run or more.run,
        )

    @property
    def summary(self) -> Orphans:
        """What became of them, for whoever listens; it was not refused, and there were some."""
        action = self.action or "delete"
        return Orphans(str(self.relation), action, self.cleaned, self.archived, self.left, self.run)

    def as_json(self) -> CleanedResult:
        """What became of them, for scripts."""
        relation, seen = self.relation, self.seen
        return {
            "child": join(*relation.child),
            "column": _columns(relation.columns),
            "columns": list(relation.columns),
            "parent": join(*relation.parent),
            "key": _columns(relation.keys),
            "keys": list(relation.keys),
            "orphans": self.orphans,
            "action": self.action,
            "undecided": self.is_undecided,
            "deleted": self.deleted,
            "changed": self.changed,
            "archived": self.archived,
            "left": self.left,
            "rows": seen.rows if seen else None,
            "missing_keys": seen.missing_keys if seen else None,
            "null_keys": seen.null_keys if seen else None,
            "mixed_keys": self.mixed,
            "timestamp": seen.timestamp if seen else None,
            "oldest": seen.oldest if seen else None,
            "newest": seen.newest if seen else None,
            "samples": list(seen.samples) if seen else [],
            "run": self.run,
            "skipped": self.skipped,
            "refusals": list(self.refusals),
            "triggers": list(self.triggers),
            "cascades": list(self.cascades),
            "foreign_keys": list(self.foreign_keys),
        }

    def bereaves(self, other: Cleaned) -> bool:
        """Whether rows that it deletes, or changes by a cascade, may be parents of the other's."""
        return other.facts.get("parent_oid") in (self.facts.get("bereaved") or ())


def _columns(columns: tuple[str, ...]) -> str:
    return columns[0] if len(columns) == 1 else f"({', '.join(map(join, columns))})"


class Session(Protocol):
    """A transaction that messages can be sent in."""

    settings: Settings

    @property
    def connection(self) -> Connection:
        """What messages are composed for."""

    def ask(self, text: bytes) -> list[tuple[Any, ...]]:
        """All rows that a message returns; psycopg.Error if it failed."""

    def own_tables(self) -> bytes:
        """What makes sqlrail's own tables where they are missing; Refused if they may not be made."""


def lock(session: Session, relations: Iterable[Relation]) -> bytes:
    """What locks all that the relations' cleanup reads and writes, together: one after the other could deadlock."""
    relations = list(relations)
    names = {
        "names": [sql.Identifier(*relation.child).as_string() for relation in relations],
        "parents": [sql.Identifier(*relation.parent).as_string() for relation in relations],
    }
    at = {name: named(session.connection, sql.SQL(name)) for name in ("child", "parent")}
    return _message(session, "lock_relations", **names, **at)


def clean(
    session: Session,
    relation: Relation,
    *,
    verb: str,
    migration: str | None = None,
    expected: int | None = None,
) -> Cleaned:
    """Archives and deletes a relation's orphans within the session's transaction: two round trips.

    Where its own deletions leave orphans, as in a table that refers to itself, they go in rounds of their own. With
    `expected`, the orphans that a preview counted, it is refused if there are many more of them now. Refused, by a
    guard, has changed nothing once the transaction is rolled back; psycopg.Error likewise.
    """
    facts = ask_facts(session, relation, lock(session, [relation]))
    if facts["absent"]:
        return Cleaned(relation, skipped=facts["absent"], facts=facts)
    if reasons := [*facts["refusals"], *_default_refusals(session, relation, facts)]:
        raise refusal(relation, reasons)
    done = total = _round(session, relation, facts, verb=verb, migration=migration, expected=expected)
    while done.cleaned and total.bereaves(total):
        done = _round(session, relation, facts, verb=verb, migration=migration, expected=None)
        total = total.plus(done)
    return total


def refusal(relation: Relation, reasons: Iterable[str]) -> Refused:
    """The error of guards that refuse a relation."""
    return Refused(f"the cleanup of {relation} is refused: {'; '.join(reasons)}. Nothing was changed.")


def ask_facts(session: Session, relation: Relation, before: bytes = b"") -> dict[str, Any]:
    """What the catalog says of a relation, see relation.sql; what is given before is sent before."""
    return _ask_all_facts(session, [relation], before)[0]


def _ask_all_facts(
    session: Session, relations: Sequence[Relation], before: bytes = b""
) -> list[dict[str, Any]]:
    if not relations:
        return []
    rows = session.ask(before + quickly(session, _relations(session, *relations)))[-len(relations) :]
    return [_judge(session, relation, facts) for relation, (facts,) in zip(relations, rows, strict=True)]


def _judge(session: Session, relation: Relation, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with what only we can add: what a refusal asks for, and whether rows lie on other nodes."""
    if facts["undecided"]:
        facts["refusals"].insert(0, _undecided(relation, facts["undecided"]))
    facts["distributed"] = bool(
        facts["citus"]
        and not facts["absent"]
        and session.ask(_message(session, "distributed", child=facts["child"]["name"]))
    )
    if facts["distributed"] and facts["cascades"]:
        facts["refusals"].append(
            "its rows lie on other nodes, where those that would go with them are not found"
        )
    if facts["distributed"] and facts["sets"]:
        facts["refusals"].append(f"its rows lie on other nodes: {facts['action']} is not done there")
    return facts


def _undecided(relation: Relation, why: str) -> str:
    return (
        f"{why}. Say it in a migration, `-- cleanup: {relation} delete` (or `set null`, `set default`), or name the "
        f"relation here: --relation '{relation} delete'"
    )


def _default_refusals(session: Session, relation: Relation, facts: dict[str, Any]) -> list[str]:
    """Why a default cannot be set, where it can be told without a row: it names no parent.

    Only of constants: who looks runs nobody's functions. What another default gives is looked up when it is set.
    """
    if facts["action"] != "set default" or facts["refusals"]:
        return []
    given = facts["defaults"]
    if set(given) != set(relation.columns):
        return []
    if not all(CONSTANT.fullmatch(value) for value in given.values()) or "NULL" in given.values():
        return []
    keys = [_of("p", key) for key in relation.keys]
    values = [sql.SQL("({})").format(sql.SQL(given[column])) for column in relation.columns]
    parts = {"parent": _table(facts["parent"]), "matches": matches(keys, facts["operators"], values)}
    if session.ask(_message(session, "default_parent", **parts))[-1][0]:
        return []
    defaults = ", ".join(f"{join(column)} {given[column]}" for column in relation.columns)
    return [
        f"no row of {facts['parent']['name']} is named by the default ({defaults}): make one, or say `delete`"
    ]


def quickly(session: Session, *questions: bytes) -> bytes:
    """Questions to the catalog, which no server shall compile."""
    return b"".join((_message(session, "jit_off"), *questions, _message(session, "jit_default")))


def _relations(session: Session, *relations: Relation) -> bytes:
    return _about(session, "relation", relations, allow_triggers=list(session.settings.allow_triggers))


def _about(session: Session, name: str, relations: Sequence[Relation], **parts: Any) -> bytes:
    given = {
        "relations": json.dumps([_asked(n, relation) for n, relation in enumerate(relations)]),
        "child": named(session.connection, sql.SQL("asked.child")),
        "parent": named(session.connection, sql.SQL("asked.parent")),
        "stale_collations": _message(session, "_stale_collations"),
    }
    return _message(session, name, **given, **parts)


def _asked(number: int, relation: Relation) -> dict[str, Any]:
    said, otherwise = relation.said, relation.otherwise
    return {
        "n": number,
        "child": sql.Identifier(*relation.child).as_string(),
        "columns": relation.columns,
        "parent": sql.Identifier(*relation.parent).as_string(),
        "keys": relation.keys,
        "action": said and said.kind,
        "sets": (said and said.columns) or None,
        "otherwise": otherwise and otherwise.kind,
        "otherwise_sets": (otherwise and otherwise.columns) or None,
    }


def _round(session: Session, relation: Relation, facts: dict[str, Any], **purpose: Any) -> Cleaned:
    try:
        own_tables = session.own_tables()
    except Refused:
        # Nothing to archive needs nothing to archive it in.
        look = preview(session, relation, closely=False)
        if look.refusals:
            raise refusal(relation, look.refusals) from None
        if look.orphans == 0:
            return look
        raise
    text = own_tables + _compose_round(session, relation, facts, **purpose)
    try:
        run, orphans, cleaned, archived = session.ask(text)[-1]
    except psycopg.Error as exc:
        raise refusal(relation, [reason(exc)]) from exc
    done = Cleaned(
        relation, orphans, archived=archived, run=run if orphans else None, facts=facts, **effects(facts)
    )
    return done.counting(cleaned)


def _compose_round(session: Session, relation: Relation, facts: dict[str, Any], **purpose: Any) -> bytes:
    part = Composer(session, relation, facts)
    text = part("archive_format")
    text += part(_finder(facts))
    text += part("weigh_orphans", **purpose) + part("cascades")
    return text + part.cascades() + part.clean() + part("archive_format_off") + part("report_cleanup")


def _finder(facts: dict[str, Any]) -> str:
    if facts["distributed"]:
        return "find_orphan_keys"
    return "find_orphan_trees" if _is_tree(facts) else "find_orphans"


def _is_tree(facts: dict[str, Any]) -> bool:
    """Whether rows below those that are deleted are orphans in turn, of the same relation."""
    return facts["child_oid"] == facts["parent_oid"] and not facts["sets"] and not facts["distributed"]


def describe(session: Session, relation: Relation, before: bytes = b"") -> Cleaned:
    """What the catalog says of a relation, and refuses; no row is looked at. What is given before is sent before."""
    return _described(session, relation, ask_facts(session, relation, before))


def describe_all(session: Session, relations: Sequence[Relation]) -> list[Cleaned]:
    """The same of many relations, in one message."""
    facts = _ask_all_facts(session, relations)
    return [_described(session, *pair) for pair in zip(relations, facts, strict=True)]


def _described(session: Session, relation: Relation, facts: dict[str, Any]) -> Cleaned:
    if facts["absent"]:
        return Cleaned(relation, skipped=facts["absent"], facts=facts)
    refusals = (*facts["refusals"], *_default_refusals(session, relation, facts))
    return Cleaned(relation, refusals=refusals, facts=facts, **effects(facts))


def preview(session: Session, relation: Relation, *, closely: bool = True) -> Cleaned:
    """What clean() would find and say, read-only and without its locks; `seen` only where it looks closely."""
    return _counted(session, describe(session, relation), closely=closely)


def sift(session: Session, relations: Sequence[Relation]) -> dict[Relation, Cleaned]:
    """Those of many relations that no guard can refuse before it has seen their rows, see sift_relations.sql.

    Their facts are enough for a look that finds no orphan, and no more.
    """
    text = _about(session, "sift_relations", relations)
    plain = {relations[n]: facts for n, facts in session.ask(text)}
    return {one: _described(session, one, _judge(session, one, facts)) for one, facts in plain.items()}


def previews(
    session: Session,
    relations: Sequence[Relation],
    plain: Mapping[Relation, Cleaned],
    *,
    closely: bool = True,
) -> list[Cleaned]:
    """The same of many relations, in few messages; psycopg.Error where one of them cannot be counted.

    All are sifted first, and only those that have orphans are looked at closely. Of those that are plain, as sift() has
    it, the catalog is asked no more before there are orphans.
    """
    others = describe_all(session, [one for one in relations if one not in plain])
    known = {**plain, **{one.relation: one for one in others}}
    answers = _sifted(session, [known[one] for one in relations], closely=closely)
    found = [one for one, answer in answers.items() if one in plain and answer.has_orphans]
    known |= {one.relation: one for one in describe_all(session, found)}
    return [_previewed(session, known[one], answers.get(one), closely=closely) for one in relations]


class _Answer(NamedTuple):
    """What a sift says of a relation."""

    has_orphans: bool
    row: tuple[Any, ...]


def _sifted(session: Session, seen: Sequence[Cleaned], *, closely: bool) -> dict[Relation, _Answer]:
    name, orphans, none = (
        ("sift_orphans", 3, (0, 0, False, False, 0)) if closely else ("count_orphans", 1, (None, 0, False, 0))
    )
    countable = [one for one in seen if one.is_countable]
    due = [one for one in countable if not one.facts.get("is_empty")]
    looks = [_message(session, name, **_looking(session, one.relation, one.facts)) for one in due]
    rows = session.ask(_exactly(session, *looks)) if looks else []
    answers = dict(zip((one.relation for one in due), rows, strict=True))
    found = {one.relation: answers.get(one.relation, none) for one in countable}
    return {relation: _Answer(bool(row[orphans]), row) for relation, row in found.items()}


def _previewed(session: Session, one: Cleaned, answer: _Answer | None, *, closely: bool) -> Cleaned:
    if answer is None or not one.is_countable:
        return one
    if not closely:
        return _weighed(session, one, *answer.row)
    if answer.has_orphans:
        return _counted(session, one, closely=True)
    rows, null_keys, has_parents, _, mixed = answer.row
    return _weighed(session, one, rows, 0, has_parents, mixed, 0, null_keys, None, None, [])


def _exactly(session: Session, *looks: bytes) -> bytes:
    """Looks at rows that see them all, or fail."""
    return b"".join((_message(session, "archive_format"), *looks, _message(session, "archive_format_off")))


def _counted(session: Session, one: Cleaned, *, closely: bool) -> Cleaned:
    if not one.is_countable:
        return one
    look = Composer(session, one.relation, one.facts)("preview" if closely else "count_orphans")
    try:
        answer = session.ask(_exactly(session, look))[-1]
    except psycopg.Error as exc:
        # What is refused anyway need not be countable: a partition may be a foreign table.
        return one if one.refusals else replace(one, refusals=(reason(exc),))
    return _weighed(session, one, *answer)


def _weighed(
    session: Session, one: Cleaned, rows: int | None, orphans: int, has_parents: bool, mixed: int, *more: Any
) -> Cleaned:
    if not orphans and one.is_undecided:
        one = replace(one, refusals=())  # there is nothing to decide
    refusals = (*one.refusals, *weigh(session.settings, orphans, rows, has_parents))
    seen = Seen(*[rows, *more, one.facts["timestamp"] if orphans else None]) if more else None
    return replace(one, orphans=orphans, mixed=mixed, seen=seen, refusals=refusals)


def mixed_rows(one: Cleaned) -> str:
    """What there is to do about the rows that a key which is MATCH FULL forbids, though they have lost no parent."""
    columns = one.relation.columns
    question = sql.SQL("SELECT * FROM {} WHERE num_nonnulls({}) BETWEEN 1 AND {}").format(
        _table(one.facts["child"]), _join(", ", map(sql.Identifier, columns)), len(columns) - 1
    )
    rows = "1 row has" if one.mixed == 1 else f"{one.mixed:,} rows have"
    return (
        f"{rows} a null in some of its columns and not in all, which its key forbids (MATCH FULL) and no parent mends: "
        f"{question.as_string()}"
    )


class _Printer:
    """A session whose messages people will read."""

    def __init__(self, session: Session) -> None:
        self.settings, self.connection, self.ask = session.settings, session.connection, session.ask
        self._needs_tables = bool(session.own_tables())

    def own_tables(self) -> bytes:
        at = {name: _message(self, name).rstrip() for name in ("writes", "ours")}
        return _message(self, "own_tables", **at) if self._needs_tables else b""


def script(session: Session, opening: bytes, seen: Sequence[Cleaned]) -> str:
    """What clean() sends for all that was seen, in this order, as one script for psql.

    A loop repeats what the runner repeats: where deletions may leave orphans of a relation that had its turn.
    """
    printer = _Printer(session)
    names = {one.relation: _qualified(one) for one in seen}
    text = [opening, lock(printer, names.values()), printer.own_tables()]
    text.append(quickly(printer, *(_check(printer, names[one.relation], one.facts) for one in seen)))
    repeats = any(one.bereaves(other) for n, one in enumerate(seen) for other in seen[: n + 1])
    rounds = []
    for n, one in enumerate(seen):
        expected = None if any(it.bereaves(one) for it in seen[:n]) else one.orphans
        first = sql.SQL("CASE current_setting('sqlrail.turn') WHEN '1' THEN {}::bigint END").format(expected)
        purpose = {"verb": "cleanup", "migration": None, "expected": first if repeats else expected}
        rounds.append(_compose_round(printer, one.relation, one.facts, **purpose))
    text += [_repeat(printer, rounds)] if repeats else rounds
    return "\n".join(part.decode() for part in [*text, b"COMMIT;"] if part)


def _qualified(one: Cleaned) -> Relation:
    child, parent = ((it["schema"], it["table"]) for it in (one.facts["child"], one.facts["parent"]))
    return replace(one.relation, child=child, parent=parent)


def _check(session: Session, relation: Relation, facts: dict[str, Any]) -> bytes:
    written = {name: facts[name] for name in ("child", "parent", "operators", "cascades", "action", "sets")}
    query = _relations(session, relation).strip().removesuffix(b";")
    return _message(session, "check_relation", written=json.dumps(written), query=query)


def _repeat(session: Session, rounds: list[bytes]) -> bytes:
    text = b"".join(_message(session, "_repeat_round", round=one, quote=_quote(one)) for one in rounds)
    return _message(session, "repeat_cleanup", rounds=text, quote=_quote(text))


def _quote(text: bytes) -> bytes:
    """A dollar quote that the text does not have."""
    return next(quote for n in itertools.count(1) if (quote := b"$round%d$" % n) not in text)


def _message(session: Session, name: str, **parts: Any) -> bytes:
    return message(session.connection, name, commented=isinstance(session, _Printer), **parts)


def weigh(settings: Settings, orphans: int, rows: int | None, has_parents: bool) -> Iterator[str]:
    if orphans and not has_parents:
        yield f"the parent table is empty, so all {orphans} rows with a key would go"
    elif orphans > settings.max_rows and orphans > settings.max_share * (rows or 0):
        yield (
            f"{orphans} of {rows} rows are orphans, more than {settings.max_rows} rows and "
            f"{settings.max_share:.0%} of the table. If they shall go all the same, allow it: --max-share or --max-rows"
        )


def reason(exc: psycopg.Error) -> str:
    """What a guard of the database's says; the error itself, raised, if it is none."""
    if isinstance(exc, psycopg.errors.UndefinedFunction | psycopg.errors.IndeterminateCollation):
        return f"the two columns' types cannot be compared ({exc.diag.message_primary})"
    if isinstance(exc, psycopg.errors.InsufficientPrivilege):
        # Row-level security under row_security = off, or a plain lack of rights: the server says which.
        return f"{exc.diag.message_primary}; rows that this role may not see would count as missing"
    if exc.sqlstate != GUARD:
        raise exc
    return sentence(exc).rstrip(".")


def remedy(exc: psycopg.Error) -> str:
    """What to do where a foreign key forbids a deletion, or what it would leave; nothing for all else."""
    if not isinstance(exc, psycopg.errors.ForeignKeyViolation | psycopg.errors.RestrictViolation):
        return ""
    return (
        f" Where rows of {exc.diag.table_name} refer to rows that would go, delete them or point them elsewhere first; "
        f"where they would be set to null and are orphans of the key {exc.diag.constraint_name} as well, clean those "
        "first, with its --relation alone."
    )


def by_event_trigger(session: Session, exc: psycopg.Error) -> str:
    """What to do where an event trigger has refused a table that a cleanup makes; nothing for all else.

    It asks the catalog, in a transaction of its own that is left to be rolled back.
    """
    context = exc.diag.context or ""
    if (exc.sqlstate or "")[:2] not in ("P0", "42"):  # what RAISE gives, or a right that is denied
        return ""
    rows = session.ask(b"BEGIN READ ONLY;" + _message(session, "ours") + _message(session, "event_triggers"))
    names = [
        trigger for trigger, function in rows if re.search(rf'(?<![\w"]){re.escape(function)}\(', context)
    ]
    if not names:
        return ""
    return (
        f" The event trigger {' or '.join(map(join, names))} has refused a table that the cleanup makes for itself: "
        "let it pass temporary tables and the schema sqlrail, or disable it meanwhile."
    )


def published(facts: dict[str, Any]) -> str | None:
    """What there is to know where the archive is published."""
    if not facts.get("published"):
        return None
    return (
        f"what is archived goes to the subscribers of {facts['published']} as well, for sqlrail.archive is published: "
        "leave the schema sqlrail out of the publication if it must not"
    )


def _looking(session: Session, relation: Relation, facts: dict[str, Any]) -> dict[str, Any]:
    """What a look for a relation's orphans is made of."""
    columns, keys = (
        [_of("c", column) for column in relation.columns],
        [_of("p", key) for key in relation.keys],
    )
    there = [sql.SQL("{} IS NOT NULL").format(column) for column in columns]
    has_key = _join(" AND ", there)
    is_mixed = sql.SQL("({}) AND NOT ({})").format(_join(" OR ", there), has_key)
    return {
        "child": _table(facts["child"]),
        "parent": _table(facts["parent"]),
        "has_key": has_key,
        "is_mixed": is_mixed if any(key.get("full") for key in facts["foreign_keys"]) else sql.SQL("false"),
        "matches": matches(keys, facts["operators"], columns),
        "max_rows": session.settings.max_rows,
        "max_share": session.settings.max_share,
    }


class Composer:
    """Fills in the statements for one relation, with the names that the catalog gave."""

    def __init__(self, session: Session, relation: Relation, facts: dict[str, Any]) -> None:
        self.session, self.edges, self.is_set = session, facts["cascades"], bool(facts["sets"])
        columns, staged = [_of("c", column) for column in relation.columns], _numbered("k", relation.columns)
        keys = [_of("p", key) for key in relation.keys]
        self.parts: dict[str, Any] = {
            **_looking(session, relation, facts),
            "ours": _message(session, "ours").rstrip(),
            "writes": _message(session, "writes").rstrip(),
            "columns": _join(", ", columns),
            "row": _join(", ", columns) if facts["distributed"] else sql.SQL("c.ctid"),
            "relation": str(relation),
            "source": facts["child"]["name"],
            "parent_name": facts["parent"]["name"],
            "cells": _cells(facts["child"]),
            "action": facts["action"],
            "changes": _changes(facts),
            "counter": "changed" if facts["sets"] else "deleted",
            "actor": session.settings.actor,
            # Where rows lie on other nodes, their keys are staged instead of their places.
            "staging": sql.SQL("TEMP TABLE sqlrail_orphan ON COMMIT DROP"),
            "row_locks": sql.SQL(""),
            "tables": _join(", ", map(_table, {it["name"]: it for it in _written(facts)}.values())),
            "keys": _join(", ", keys),
            "columns_staged": _join(", ", map(sql.SQL("{} AS {}").format, columns, staged)),
            "found": sql.SQL("coalesce(sum(rows), 0)::bigint" if facts["distributed"] else "count(*)"),
            "is_below": sql.SQL("is_below" if _is_tree(facts) else "false"),
            "is_staged": _is_staged(columns, staged, facts),
            **_tree(session, relation, facts),
            "parents_found": _parents_found(keys, staged, facts),
            **_look_at(relation, facts),
        }

    def __call__(self, name: str, **parts: Any) -> bytes:
        return _message(self.session, name, **{**self.parts, **parts})

    def clean(self) -> bytes:
        """What archives the orphans that are staged, and deletes them or sets their columns."""
        return self("set_orphans" if self.is_set else "cleanup") + self("deferred_keys")

    def cascades(self, **parts: Any) -> bytes:
        """What archives the rows of other tables that go, or are changed, with the orphans that are staged."""
        text = [self._cascade("stage_cascade", edge, **parts) for edge in self.edges]
        return b"".join(text + [self._cascade("archive_cascade", edge) for edge in _by_table(self.edges)])

    def _cascade(self, name: str, edge: dict[str, Any], **parts: Any) -> bytes:
        keys = [_of("r", key) for key in edge["keys"]]
        columns = [_of("t", column) for column in edge["columns"]]
        return self(
            name,
            action=edge["action"],
            table=_table(edge["table"]),
            source=edge["table"]["name"],
            cells=_cells(edge["table"]),
            referenced=_table(edge["referenced"]),
            matches=matches(keys, edge["operators"], columns),
            **parts,
        )


def _changes(facts: dict[str, Any]) -> sql.Composable:
    to = sql.SQL("NULL" if facts["action"] == "set null" else "DEFAULT")
    return _join(", ", (sql.SQL("{} = {}").format(sql.Identifier(name), to) for name in facts["sets"] or ()))


def tables_written(facts: dict[str, Any]) -> set[str]:
    """The child, and the tables that a delete would cascade into."""
    return {it["name"] for it in _written(facts)}


def _written(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [facts["child"], *(edge["table"] for edge in facts["cascades"])]


def _is_staged(
    columns: list[sql.Composable], staged: list[sql.Identifier], facts: dict[str, Any]
) -> sql.Composable:
    if facts["distributed"]:
        return sql.SQL("({}) IN (SELECT {} FROM pg_temp.sqlrail_orphan)").format(
            _join(", ", columns), _join(", ", staged)
        )
    place = "c.ctid = ANY (ARRAY(SELECT tid FROM pg_temp.sqlrail_orphan))"
    if not facts["child"]["only"]:  # partitions have rows at the same places
        place += " AND (c.tableoid, c.ctid) IN (SELECT part, tid FROM pg_temp.sqlrail_orphan)"
    return sql.SQL(place)


def _tree(session: Session, relation: Relation, facts: dict[str, Any]) -> dict[str, sql.Composable | bytes]:
    """What a find and a deletion of orphans with all that is below them are made of."""
    columns, staged = [_of("c", column) for column in relation.columns], _numbered("k", relation.keys)
    keys = [sql.SQL("gone.{}").format(name) for name in staged]
    sources = [_of("c", key) for key in relation.keys]
    return {
        "keys_staged": _join(", ", map(sql.SQL("{} AS {}").format, sources, staged)),
        "below": matches(keys, facts["operators"], columns),
        "stays": _message(session, "_parent_stays") if _is_tree(facts) else b"",
    }


def _parents_found(
    keys: list[sql.Composable], staged: list[sql.Identifier], facts: dict[str, Any]
) -> sql.Composable:
    """How many of the staged orphans have a parent after all: looked up by its key, one by one, however many."""
    if facts["distributed"]:
        return sql.SQL(
            "SELECT count(*) FROM {} AS p WHERE ({}) IN (SELECT {} FROM pg_temp.sqlrail_orphan)"
        ).format(_table(facts["parent"]), _join(", ", keys), _join(", ", staged))
    ours = [sql.SQL("o.{}").format(name) for name in staged]
    return sql.SQL(
        "SELECT count(*) FILTER (WHERE ({0}) IN (SELECT {0} FROM {1} AS p WHERE {2})) FROM pg_temp.sqlrail_orphan AS o"
    ).format(_join(", ", ours), _table(facts["parent"]), matches(keys, facts["operators"], ours))


def _look_at(relation: Relation, facts: dict[str, Any]) -> dict[str, sql.Composable]:
    """What a preview wants of the orphans: their keys as k1 and so on, their primary keys as r1, their time."""
    staged, row = _numbered("k", relation.columns), _numbered("r", facts["primary_key"])
    sources = [_of("c", column) for column in (*relation.columns, *facts["primary_key"])]
    sources.append(_of("c", facts["timestamp"]) if facts["timestamp"] else sql.SQL("NULL::timestamptz"))
    return {
        "orphan_columns": _join(
            ", ", map(sql.SQL("{} AS {}").format, sources, [*staged, *row, sql.Identifier("at")])
        ),
        "staged": _join(", ", staged),
        "staged_row": _join(", ", [*staged, *row]),
        "key": _object(relation.columns, staged),
        "example": _object(facts["primary_key"], row) if row else sql.SQL("NULL::jsonb"),
    }


def _numbered(letter: str, names: Sequence[str]) -> list[sql.Identifier]:
    return [sql.Identifier(f"{letter}{n}") for n, _ in enumerate(names, 1)]


def _of(alias: str, column: str) -> sql.Composable:
    return sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(column))


def _join(between: str, parts: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL(between).join(parts)


def matches(
    keys: Sequence[sql.Composable], operators: list[list[str]], columns: Sequence[sql.Composable]
) -> sql.Composable:
    """Whether keys and columns are equal, each pair as the catalog said: ask_facts(…)["operators"]."""
    return _join(" AND ", (_compare(*pair) for pair in zip(keys, operators, columns, strict=True)))


def _compare(key: sql.Composable, how: list[str], column: sql.Composable) -> sql.Composable:
    (schema, name), read_as, collation = how[:2], how[2:4], how[4:]
    if all(read_as):
        column = sql.SQL("{}::{}").format(column, sql.Identifier(*read_as))
    if all(collation):
        column = sql.SQL("{} COLLATE {}").format(column, sql.Identifier(*collation))
    # A name of an operator cannot be quoted, and has no letter that could do harm.
    equals = (
        sql.SQL("OPERATOR({}.{})").format(sql.Identifier(schema), sql.SQL(name)) if name else sql.SQL("=")
    )
    return sql.SQL("{} {} {}").format(key, equals, column)


def _by_table(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({edge["table"]["name"]: edge for edge in edges}.values())


def _table(description: dict[str, Any]) -> sql.Composable:
    # A foreign key is about the rows of the table itself, not of those that inherit it; partitions are its own.
    names = sql.Identifier(description["schema"], description["table"])
    return sql.SQL("ONLY {}").format(names) if description["only"] else names


def _cells(table: dict[str, Any]) -> sql.Composable:
    """An object of the row's columns as text; generated ones are left out, they come back by themselves."""
    columns = [(column, _of("c", column)) for column in table["columns"]]
    texts = [
        spelt(value) if column in table["recast"] else sql.SQL("{}::text").format(value)
        for column, value in columns
    ]
    return sql.SQL("pg_catalog.jsonb_object({}, ARRAY[{}]::text[])").format(
        sql.Literal(table["columns"]), _join(", ", texts)
    )


def spelt(value: sql.Composable) -> sql.Composable:
    """A value as its type writes it, whatever a cast to text would make of it."""
    # IS NOT NULL means another thing of a composite.
    return sql.SQL("CASE WHEN {0} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {0}) END").format(value)


def _object(names: Iterable[str], values: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL("pg_catalog.jsonb_object({}, ARRAY[{}]::text[])").format(
        sql.Literal(list(names)), _join(", ", (sql.SQL("{}::text").format(value) for value in values))
    )


def effects(facts: dict[str, Any]) -> dict[str, Any]:
    goes_on = facts["parent_oid"] in facts["bereaved"] and not facts["sets"]
    return {
        "triggers": tuple(f"{trigger['name']} on {trigger['table']}" for trigger in facts["triggers"]),
        "cascades": tuple(f"{edge['constraint']}: {edge['action']}" for edge in facts["cascades"])
        + (("the rows below them go as well",) * goes_on),
        "foreign_keys": tuple(
            f"{key['name']}{'' if key['validated'] else ', not valid'}: on delete {key['on_delete']}"
            for key in facts["foreign_keys"]
        ),
    }

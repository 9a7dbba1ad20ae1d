"""Databases with live rows and files that are pending on them: what a file may stumble over, and tables of all shapes.

tests/foresight/kinds.sql has the kinds. Of each there is a case with clean and one with dirty rows for every shape of
table that it names, and on a plain table files that mend the rows before, or spoil them. What happens is left to
PostgreSQL; a case only says whether its rows were meant to be clean.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KINDS = Path(__file__).resolve().parent.parent / "foresight" / "kinds.sql"
KEYS = {
    "what", "columns", "around", "beside", "late", "live", "clean", "dirty", "bad", "mend", "shapes", "since",
    "dirt", "directive", "cleans", "outside", "early",
}  # fmt: skip

# How a table is made, and where its rows go. {columns} are its columns beside the id.
SHAPES = {
    "plain": "CREATE TABLE {t} (id int PRIMARY KEY, {columns});",
    "heap": "CREATE TABLE {t} (id int, {columns});",
    "gap": "CREATE TABLE {t} (x1 int, id int PRIMARY KEY, x2 text, {columns}); ALTER TABLE {t} DROP x1, DROP x2;",
    "other": "CREATE TABLE {t} (id int PRIMARY KEY, {columns});",
    "pair": "CREATE TABLE {t} (id int, part text DEFAULT 'it''s', {columns}, PRIMARY KEY (part, id));",
    "quoted": "CREATE TABLE {t} (id int PRIMARY KEY, {columns});",
    "inherited": "CREATE TABLE {t} (id int PRIMARY KEY, {columns}); CREATE TABLE {s}.heir (more text) INHERITS ({t});",
    "partitioned": "CREATE TABLE {t} (id int PRIMARY KEY, {columns}) PARTITION BY RANGE (id);"
    " CREATE TABLE {s}.low PARTITION OF {t} FOR VALUES FROM (MINVALUE) TO (3);"
    " CREATE TABLE {s}.high PARTITION OF {t} FOR VALUES FROM (3) TO (MAXVALUE) PARTITION BY HASH (id);"
    " CREATE TABLE {s}.high0 PARTITION OF {s}.high FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    " CREATE TABLE {s}.high1 PARTITION OF {s}.high FOR VALUES WITH (MODULUS 2, REMAINDER 1);",
    "leaf": "CREATE TABLE {whole} (id int PRIMARY KEY, {columns}) PARTITION BY LIST (id);"
    " CREATE TABLE {s}.zero PARTITION OF {whole} FOR VALUES IN (0, 1);"
    " CREATE TABLE {t} PARTITION OF {whole} DEFAULT;",
    "hashed": "CREATE TABLE {t} (id int, {columns}) PARTITION BY HASH ({a});"
    " CREATE TABLE {s}.h0 PARTITION OF {t} FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    " CREATE TABLE {s}.h1 PARTITION OF {t} FOR VALUES WITH (MODULUS 2, REMAINDER 1);",
}
# Only in the live database: the same table with its columns in another order, and others dropped.
OTHER = "DROP TABLE {t}; CREATE TABLE {t} ({columns}, x1 int, id int PRIMARY KEY); ALTER TABLE {t} DROP x1;"
PLAIN = {"t": "{s}.t", "whole": "{s}.whole", "a": "a", "b": "b", "c": "c"}
QUOTED = {"t": '{s}."T ""1"', "a": '"A b"', "b": '"select"', "c": '"é%"'}

# What may stand before the statement in its file, or in one of its own: {bad} says which rows are dirty.
MENDS = {
    "updated": "UPDATE {t} SET {mend} WHERE {bad};",
    "deleted": "DELETE FROM {t} WHERE {bad};",
    "half deleted": "DELETE FROM {t} WHERE id = (SELECT min(id) FROM {t} WHERE {bad});",
    "all deleted": "TRUNCATE {t};",
    "deleted in a block": "DO $$ BEGIN DELETE FROM {t} WHERE {bad}; END $$;",
    "deleted by a function": "CREATE FUNCTION {s}.mend() RETURNS void LANGUAGE sql AS 'DELETE FROM {t} WHERE id >= 0';"
    " SELECT {s}.mend();",
    "deleted in a query": "WITH gone AS (DELETE FROM {t} WHERE {bad} RETURNING id) SELECT count(*) FROM gone;",
    "deleted by a cascade": "DELETE FROM {s}.owner WHERE id = 2;",
    "deleted by a view": "CREATE VIEW {s}.seen AS SELECT * FROM {t}; DELETE FROM {s}.seen WHERE id >= 0;"
    " DROP VIEW {s}.seen;",
    "deleted earlier": "DELETE FROM {t} WHERE {bad};",
}
SPOILS = {
    "inserted": "INSERT INTO {t} (id, {names}) SELECT min(id) + 1000, {spoil} FROM {t} HAVING count(*) > 0;",
    "inserted in a block": "DO $$ BEGIN INSERT INTO {t} (id, {names}) SELECT min(id) + 1000, {spoil} FROM {t}"
    " HAVING count(*) > 0; END $$;",
    "inserted by a trigger": "INSERT INTO {s}.log VALUES (1);",
    "inserted earlier": "INSERT INTO {t} (id, {names}) SELECT min(id) + 1000, {spoil} FROM {t} HAVING count(*) > 0;",
}
# What these need beside the table.
AROUND = {
    "deleted by a cascade": "CREATE TABLE {s}.owner (id int PRIMARY KEY); INSERT INTO {s}.owner VALUES (1), (2);"
    " ALTER TABLE {t} ADD owner int DEFAULT 1 REFERENCES {s}.owner ON DELETE CASCADE;",
    "inserted by a trigger": "CREATE TABLE {s}.log (n int); CREATE FUNCTION {s}.spoil() RETURNS trigger "
    " LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {t} (id, {names}) SELECT min(id) + 1000, {spoil} FROM {t}"
    " HAVING count(*) > 0; RETURN NEW; END $$;"
    " CREATE TRIGGER spoil AFTER INSERT ON {s}.log FOR EACH ROW EXECUTE FUNCTION {s}.spoil();",
}
LIVE = {"deleted by a cascade": "UPDATE {t} SET owner = 2 WHERE {bad};"}
# Where the file says the same in another way.
WAYS = ("as it is", "by the search_path", "renamed")


@dataclass(frozen=True)
class Kind:
    """Something that rows may be in the way of; see tests/foresight/kinds.sql."""

    name: str
    statement: str
    said: Mapping[str, str]

    def __getattr__(self, key: str) -> str:
        if key not in KEYS:
            raise AttributeError(key)
        return self.said.get(key, "")

    @property
    def names(self) -> list[str]:
        """Of the columns that are filled."""
        return [it.split()[0] for it in self.columns.split(";") if it.split()[0].startswith("{")]


@dataclass(frozen=True)
class Case:
    """A schema with live rows, and what is pending on it; nothing in it touches another's."""

    kind: Kind
    shape: str
    form: str
    schema: str
    table: str  # whose rows are judged
    made: str  # by a file that is applied
    rows: str  # of the live database alone
    late: str  # by another file, applied behind the rows
    prelude: str  # of the pending file: what writes no rows
    ahead: str  # what writes some
    statement: str
    is_dirty: bool
    writes: bool = False
    earlier: str = ""  # a pending file before this one
    directives: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.kind.name}, {self.shape}, {'dirty' if self.is_dirty else 'clean'}, {self.form}"

    @property
    def id(self) -> str:
        """Of the pending file; those that write come last, for what they may write is not known to the others."""
        first = 2 if self.writes else 1
        return f"{first}{self.schema[1:]}1_{re.sub('[^a-z0-9]+', '_', self.name.lower())[:60]}"

    @property
    def is_obvious(self) -> bool:
        """Whether it needs no trying out how it ends."""
        return self.shape == "plain" and self.form in WAYS

    @property
    def is_obstructed(self) -> bool:
        """Whether rows are in the way of its statement, where that is obvious."""
        return self.is_dirty and self.kind.what != "-" and not self.kind.cleans

    @property
    def earlier_id(self) -> str:
        """Of the pending file before it."""
        return f"{self.id[:5]}0_earlier"

    @property
    def story(self) -> str:
        """All that it takes to see it again: what is applied, the live rows, what is pending."""
        return "\n".join(filter(None, [self.made, self.rows, self.late, self.earlier, self.text]))

    @property
    def text(self) -> str:
        """The pending file."""
        lines = [f"-- {self.name}", *self.directives, self.prelude, self.ahead, self.statement]
        return "\n".join(filter(None, lines)) + "\n"


def kinds(major: int = 99) -> list[Kind]:
    """All that a major has."""
    blocks = re.split(r"(?m)^-- # ", KINDS.read_text())[1:]
    found = [_kind(block.strip()) for block in blocks]
    return [it for it in found if int(it.since or 0) <= major]


def _kind(block: str) -> Kind:
    name, *lines = block.split("\n")
    said: dict[str, str] = {}
    statement = []
    for line in lines:
        key, _, value = line.removeprefix("-- ").partition(": ")
        if line.startswith("-- ") and key in KEYS:
            said[key] = value
        else:
            statement.append(line)
    return Kind(name, "\n".join(statement), said)


def cases(major: int = 99) -> Iterator[Case]:
    """All of them, the same at each call and numbered alike on each major."""
    number = 0
    for turn, kind in enumerate(kinds()):
        for shape, form, is_dirty in _variants(kind, turn):
            number += 1
            if int(kind.since or 0) <= major:
                yield _case(number, kind, shape, form, is_dirty)


def _variants(kind: Kind, turn: int) -> Iterator[tuple[str, str, bool]]:
    """Shape, form, and whether dirty; the mending forms take turns, for a kind does not need them all."""
    shapes = kind.shapes.split()
    for number, shape in enumerate(shapes):
        # `late` and `beside` call the table by its first name, and a file of several statements by names of its own.
        is_plain = kind.outside or kind.directive or kind.statement.count(";") > 1
        way = WAYS[0] if is_plain else WAYS[number % len(WAYS)]
        yield shape, way, False
        if kind.dirty:
            yield shape, way, True
    if not kind.bad or kind.outside or kind.what in ("", "-"):
        return
    needs = {"updated": bool(kind.mend), "deleted by a cascade": not kind.beside}
    mends = [form for form in MENDS if needs.get(form, True)]
    for form in _turn(mends, turn * 3, 3):
        yield shapes[0], form, True
    if kind.clean and kind.dirt != "one" and not kind.late:  # what is there already refuses new dirty rows
        yield shapes[0], _turn(list(SPOILS), turn, 1)[0], False


def _turn(forms: list[str], first: int, number: int) -> list[str]:
    return [forms[(first + n) % len(forms)] for n in range(number)]


def _case(number: int, kind: Kind, shape: str, form: str, is_dirty: bool) -> Case:
    schema = f"c{number:04}"
    rng = random.Random(number)  # noqa: S311 - the same cases at each run
    words = {**PLAIN, **(QUOTED if shape == "quoted" else {})}
    cells = [it.strip() for it in kind.dirty.split(" | ")]
    words |= {
        "bad": kind.bad,
        "mend": kind.mend,
        "names": ", ".join(kind.names),
        "spoil": cells[0].replace("#", "0"),
        "columns": kind.columns.replace(";", ","),
    }

    def said(text: str) -> str:
        return _filled(text, {**words, "s": schema})

    prelude, statement = "", kind.statement
    if form == "by the search_path":
        prelude, statement = "SET LOCAL search_path = {s};", statement.replace("{t}", "{bare}")
        words["bare"] = words["t"].removeprefix("{s}.")
    elif form == "renamed" and "{t}" in statement and shape != "hashed":
        prelude, statement = "ALTER TABLE {t} RENAME TO moved_t;", statement.replace("{t}", "{s}.moved_t")
        if shape != "leaf" and not kind.beside:  # a column that the whole has as well keeps its name
            prelude = f"ALTER TABLE {{t}} RENAME {{a}} TO moved_a; {prelude}"
            statement = statement.replace("{a}", "moved_a")
    ahead = MENDS.get(form, SPOILS.get(form, ""))
    is_earlier = form.endswith(" earlier")
    rows = _rows(kind, shape, rng, is_dirty, form)
    live = [OTHER if shape == "other" else "", *rows, kind.live, LIVE.get(form, "")]
    return Case(
        kind=kind,
        shape=shape,
        form=form,
        schema=schema,
        table=said(words["t"]),
        made=said(f"CREATE SCHEMA {{s}}; {kind.around} {SHAPES[shape]} {kind.beside} {AROUND.get(form, '')}"),
        rows=said("\n".join(filter(None, live))),
        late=said(kind.late),
        prelude=said(prelude),
        ahead="" if is_earlier else said(ahead),
        statement=said(statement),
        is_dirty=is_dirty,
        writes=bool(ahead) or not kind.what,
        earlier=said(ahead) if is_earlier else "",
        directives=tuple(
            filter(None, ["-- transactional: false" if kind.outside else "", said(kind.directive)])
        ),
    )


def _filled(text: str, words: Mapping[str, str]) -> str:
    known = re.compile("|".join(f"{{{word}}}" for word in words))
    while found := known.search(text):
        text = text.replace(found[0], words[found[0][1:-1]])
    return text


def _rows(kind: Kind, shape: str, rng: random.Random, is_dirty: bool, form: str) -> Iterator[str]:
    """INSERTs, the dirty rows among the clean ones."""
    clean = [it.strip() for it in kind.clean.split(" | ")] if kind.clean else []
    dirty = [it.strip() for it in kind.dirty.split(" | ")]
    wanted = [clean[n % len(clean)].replace("#", str(n)) for n in range(rng.randint(4, 8))] if clean else []
    if is_dirty:
        least = 2 if kind.dirt == "many" or form == "half deleted" or not clean else 1
        most = 1 if kind.dirt == "one" else max(least, rng.choice((1, 2, 3, 7)))
        for n in range(most):
            # Never first: what is dirty may be the second of its kind.
            place = rng.randint(min(len(wanted), 3), len(wanted))
            wanted.insert(place, dirty[n % len(dirty)].replace("#", str(n)))
    for number, cells in enumerate(wanted):
        into = "{s}.heir" if shape == "inherited" and number % 2 else "{whole}" if shape == "leaf" else "{t}"
        yield f"INSERT INTO {into} (id, {{names}}) VALUES ({number}, {cells});"

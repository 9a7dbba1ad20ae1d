"""Migrations of databases that applications are at work on: such as break them, and such as do not.

What a kind is meant for is no verdict: whether a migration breaks an application is found by running that.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from applications import Application, Connection, changed

FACTS = """
    SELECT c.oid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid), concat(a.attidentity, a.attgenerated)
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'desk')
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relkind = 'r' AND c.relname !~ '^_?yoyo' ORDER BY 1, a.attnum
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, quote_ident(conname), contype::text, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'desk'))
       AND conrelid <> 0 AND contype <> 'n' AND conrelid::regclass::text !~ 'yoyo' ORDER BY 1, 2
"""
INDEXES = """
    SELECT indexrelid::regclass::text, indisunique FROM pg_index
     WHERE indrelid::regclass::text !~ 'yoyo' AND indrelid >= 16384
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
       AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace
                                                                     WHERE nspname IN ('public', 'desk')))
     ORDER BY 1
"""
OTHERS = {
    "views": "SELECT c.oid::regclass::text FROM pg_class AS c WHERE relkind = 'v' AND oid >= 16384 ORDER BY 1",
    "functions": "SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE oid >= 16384 AND prokind = 'f'"
    " AND prorettype <> 'trigger'::regtype ORDER BY 1",
    "routines": "SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE oid >= 16384 AND prokind <> 'f' ORDER BY 1",
    "enums": "SELECT oid::regtype::text FROM pg_type WHERE typtype = 'e' AND oid >= 16384 ORDER BY 1",
    "domains": "SELECT oid::regtype::text FROM pg_type WHERE typtype = 'd' AND oid >= 16384 ORDER BY 1",
    "triggers": "SELECT tgname || ' ON ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "labels": "SELECT enumtypid::regtype || '.' || enumlabel FROM pg_enum WHERE enumtypid >= 16384 ORDER BY 1",
}


@dataclass(frozen=True)
class Column:
    table: str
    name: str
    type: str
    not_null: bool
    default: str | None
    made_by: str  # identity or generated

    @property
    def quoted(self) -> str:
        return f'"{self.name}"'


@dataclass(frozen=True)
class Facts:
    """What there is to be changed."""

    columns: list[Column]
    constraints: list[tuple[str, str, str, str]]
    indexes: list[tuple[str, bool]]
    others: dict[str, list[str]]

    @property
    def tables(self) -> list[str]:
        return sorted({column.table for column in self.columns})

    def of(self, text: str) -> Facts:
        """What belongs to the tables that a text names."""
        names = {table for table in self.tables if re.search(rf"\b{_old_name(table)}\b", text)}
        columns = [one for one in self.columns if one.table in names]
        return replace(
            self, columns=columns, constraints=[one for one in self.constraints if one[0] in names]
        )


@dataclass(frozen=True)
class Migration:
    application: Application
    kind: str
    text: str


Kind = Callable[[Facts, random.Random], str]


def look(connection: Connection) -> Facts:
    columns = [Column(*row) for row in connection.execute(FACTS)]
    others = {name: [one for (one,) in connection.execute(text.encode())] for name, text in OTHERS.items()}
    return Facts(
        columns, connection.execute(CONSTRAINTS).fetchall(), connection.execute(INDEXES).fetchall(), others
    )


def migrations(
    application: Application, connection: Connection, number: int, rng: random.Random
) -> list[Migration]:
    """Half of kinds that are meant to break something, half of the others; each runs on the database as it is."""
    every = look(connection)
    routines, _, _ = application.made.partition("CREATE TABLE")
    used = every.of(application.queries.read_text() + routines)
    found: dict[str, Migration] = {}
    while len(found) < number:
        kinds, facts = (HARMLESS, every) if len(found) % 2 else (BREAKING, used)
        kind = rng.choice([*kinds])
        with suppress(IndexError):  # there is none of what it changes
            text = kinds[kind](facts, rng)
            if text not in found and _passes(connection, text):
                found[text] = Migration(application, kind, text)
    return [*found.values()]


def _passes(connection: Connection, text: str) -> bool:
    try:
        with changed(connection, text):
            return True
    except psycopg.Error:
        return False


def _column(facts: Facts, rng: random.Random, fits: Callable[[Column], Any] = lambda _: True) -> Column:
    return rng.choice([column for column in facts.columns if fits(column)])


def _old_name(table: str) -> str:
    return table.rpartition(".")[2]


#: a type that is another one, and what its values become
OTHER_TYPES = {
    "character varying": [
        ("text[]", "ARRAY[{c}]"),
        ("integer", "length({c})"),
        ("bytea", "convert_to({c}, 'UTF8')"),
        ("varchar(3)", "left({c}, 3)"),
    ],
    "text": [
        ("text[]", "ARRAY[{c}]"),
        ("integer", "length({c})"),
        ("varchar(3)", "left({c}, 3)"),
        ("jsonb", "to_jsonb({c})"),
    ],
    "uuid": [("text", "{c}::text"), ("varchar(36)", "{c}::text")],
    "jsonb": [("text", "{c}::text"), ("json", "{c}::json")],
    "boolean": [("integer", "{c}::int"), ("text", "{c}::text"), ("smallint", "{c}::int")],
    "timestamp with time zone": [
        ("date", "{c}::date"),
        ("bigint", "extract(epoch FROM {c})"),
        ("text", "{c}::text"),
    ],
    "date": [("text", "{c}::text"), ("integer", "{c} - '2000-01-01'::date")],
    "integer": [
        ("text", "{c}::text"),
        ("boolean", "{c} > 0"),
        ("uuid", "lpad({c}::text, 32, '0')::uuid"),
        ("smallint", "{c}"),
    ],
    "bigint": [
        ("text", "{c}::text"),
        ("uuid", "lpad({c}::text, 32, '0')::uuid"),
        ("varchar(20)", "{c}::text"),
    ],
    "numeric": [("text", "{c}::text"), ("money", "{c}::money"), ("integer", "({c} * 100)::int")],
    "inet": [("text", "{c}::text"), ("varchar(45)", "host({c})")],
}
VALUES = {
    "integer": "0",
    "text": "''",
    "uuid": "gen_random_uuid()",
    "boolean": "false",
    "timestamptz": "now()",
}
WIDER = {
    "character varying": "text",
    "integer": "bigint",
    "smallint": "integer",
    "character varying(20)": "varchar(40)",
}


def _base(type_: str) -> str:
    return type_.partition("(")[0]


def drop_column(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng)
    return f"ALTER TABLE {column.table} DROP COLUMN {column.quoted}{rng.choice(['', '', ' CASCADE'])};"


def rename_column(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng)
    return f"ALTER TABLE {column.table} RENAME COLUMN {column.quoted} TO {column.name}_new;"


def drop_table(facts: Facts, rng: random.Random) -> str:
    return f"DROP TABLE {rng.choice(facts.tables)} CASCADE;"


def rename_table(facts: Facts, rng: random.Random) -> str:
    table = rng.choice(facts.tables)
    return f"ALTER TABLE {table} RENAME TO {_old_name(table)}_v2;"


def move_table(facts: Facts, rng: random.Random) -> str:
    return f"CREATE SCHEMA archive; ALTER TABLE {rng.choice(facts.tables)} SET SCHEMA archive;"


def retype(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: _base(one.type) in OTHER_TYPES and not one.made_by)
    type_, value = rng.choice(OTHER_TYPES[_base(column.type)])
    head = f"ALTER TABLE {column.table} ALTER {column.quoted}"
    drop = f"{head} DROP DEFAULT; " if column.default else ""
    return f"{drop}{head} TYPE {type_} USING {value.format(c=column.quoted)};"


def require_column(facts: Facts, rng: random.Random) -> str:
    table, (type_, value) = rng.choice(facts.tables), rng.choice([*VALUES.items()])
    head = f"ALTER TABLE {table}"
    return f"{head} ADD COLUMN required {type_} NOT NULL DEFAULT {value}; {head} ALTER required DROP DEFAULT;"


def set_not_null(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: not one.not_null and not one.made_by)
    value = {"uuid": "gen_random_uuid()", "jsonb": "'{}'", "inet": "'::1'", "boolean": "false"}.get(
        column.type
    )
    value = value or ("now()" if column.type.startswith(("timestamp", "date")) else "'0'")
    fill = f"UPDATE {column.table} SET {column.quoted} = {value} WHERE {column.quoted} IS NULL;"
    return f"{fill} ALTER TABLE {column.table} ALTER {column.quoted} SET NOT NULL;"


def drop_default(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: one.default and one.not_null and not one.made_by)
    return f"ALTER TABLE {column.table} ALTER {column.quoted} DROP DEFAULT;"


def drop_unique(facts: Facts, rng: random.Random) -> str:
    found = [
        f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE;"
        for table, name, kind, _ in facts.constraints
        if kind in "up"
    ]
    return rng.choice([*found, *(f"DROP INDEX {name};" for name, is_unique in facts.indexes if is_unique)])


def rename_unique(facts: Facts, rng: random.Random) -> str:
    table, name, *_ = rng.choice([one for one in facts.constraints if one[2] == "u"])
    return f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {name.strip(chr(34))}_new;"


def drop_function(facts: Facts, rng: random.Random) -> str:
    kind = rng.choice(["functions", "routines"])
    return f"DROP ROUTINE {rng.choice(facts.others[kind])} CASCADE;"


def rename_function(facts: Facts, rng: random.Random) -> str:
    function = rng.choice(facts.others["functions"])
    return f"ALTER FUNCTION {function} RENAME TO {_old_name(function.partition('(')[0])}_v2;"


def rename_label(facts: Facts, rng: random.Random) -> str:
    type_, _, label = rng.choice(facts.others["labels"]).rpartition(".")
    return f"ALTER TYPE {type_} RENAME VALUE '{label}' TO '{label} now';"


def rename_type(facts: Facts, rng: random.Random) -> str:
    kind = rng.choice(["enums", "domains"])
    type_ = rng.choice(facts.others[kind])
    return f"ALTER {'TYPE' if kind == 'enums' else 'DOMAIN'} {type_} RENAME TO {_old_name(type_)}_v2;"


def drop_view(facts: Facts, rng: random.Random) -> str:
    view = rng.choice(facts.others["views"])
    return rng.choice([f"DROP VIEW {view};", f"ALTER VIEW {view} RENAME TO {_old_name(view)}_v2;"])


def generate_column(facts: Facts, rng: random.Random) -> str:
    column = _column(
        facts,
        rng,
        lambda one: (
            not one.made_by and _base(one.type) in ("text", "character varying", "integer", "numeric")
        ),
    )
    value = "0" if _base(column.type) in ("integer", "numeric") else "'made'"
    head, made = f"ALTER TABLE {column.table}", f"GENERATED ALWAYS AS ({value}) STORED"
    return f"{head} DROP COLUMN {column.quoted}; {head} ADD COLUMN {column.quoted} {column.type} {made};"


def always_identity(facts: Facts, rng: random.Random) -> str:
    column = _column(
        facts, rng, lambda one: one.type in ("integer", "bigint") and one.not_null and one.made_by != "a"
    )
    head = f"ALTER TABLE {column.table} ALTER {column.quoted}"
    if column.made_by == "d":
        return f"{head} SET GENERATED ALWAYS;"
    return f"{head} DROP DEFAULT; {head} ADD GENERATED ALWAYS AS IDENTITY (START 1000);"


def split_table(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: not one.made_by)
    table = f"{column.table}_details"
    copy = f"CREATE TABLE {table} AS SELECT {column.quoted} FROM {column.table};"
    return f"{copy} ALTER TABLE {column.table} DROP COLUMN {column.quoted};"


def rename_schema(facts: Facts, rng: random.Random) -> str:
    rng.choice([table for table in facts.tables if table.startswith("desk.")])
    return "ALTER SCHEMA desk RENAME TO helpdesk;"


def rename_argument(facts: Facts, rng: random.Random) -> str:
    function = rng.choice(facts.others["functions"])
    name, _, types = function.partition("(")
    made = (
        f"CREATE FUNCTION {name}({types.rstrip(')')}, more boolean) RETURNS int LANGUAGE sql AS 'SELECT 1';"
    )
    return f"DROP FUNCTION {function}; {made}"


BREAKING: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        drop_column, rename_column, drop_table, rename_table, move_table, retype, require_column, set_not_null,
        drop_default, drop_unique, rename_unique, drop_function, rename_function, rename_label, rename_type, drop_view,
        generate_column, always_identity, split_table, rename_schema, rename_argument,
    )
}  # fmt: skip


def add_nullable(facts: Facts, rng: random.Random) -> str:
    return f"ALTER TABLE {rng.choice(facts.tables)} ADD COLUMN more {rng.choice([*VALUES])};"


def add_defaulted(facts: Facts, rng: random.Random) -> str:
    type_, value = rng.choice([*VALUES.items()])
    return f"ALTER TABLE {rng.choice(facts.tables)} ADD COLUMN more {type_} NOT NULL DEFAULT {value};"


def add_index(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: one.type not in ("jsonb", "tsvector"))
    return f"CREATE INDEX more_idx ON {column.table} ({column.quoted});"


def add_unique(facts: Facts, rng: random.Random) -> str:
    table, _, _, definition = rng.choice([one for one in facts.constraints if one[2] == "p"])
    keys = definition.partition("(")[2].rstrip(")")
    column = _column(facts, rng, lambda one: one.table == table and one.type not in ("jsonb", "tsvector"))
    return f"CREATE UNIQUE INDEX more_key ON {table} ({keys}, ({column.quoted}));"


def widen(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: _base(one.type) in WIDER and not one.made_by)
    type_ = WIDER.get(column.type) or WIDER[_base(column.type)]
    if column.type.startswith("character varying(") and rng.random() < 0.6:
        type_ = f"varchar({int(column.type.partition('(')[2].rstrip(')')) * 2})"
    return f"ALTER TABLE {column.table} ALTER {column.quoted} TYPE {type_};"


def add_table(facts: Facts, rng: random.Random) -> str:
    table, _, _, definition = rng.choice([one for one in facts.constraints if one[2] == "p"])
    keys = definition.partition("(")[2].rstrip(")")
    if "," in keys:
        return "CREATE TABLE more (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL);"
    (type_,) = [one.type for one in facts.columns if (one.table, one.name) == (table, keys)]
    return f"CREATE TABLE more (id {type_} REFERENCES {table}, note text NOT NULL);"


def comment(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng)
    return f"COMMENT ON COLUMN {column.table}.{column.quoted} IS 'why it is there';"


def rename_and_keep(facts: Facts, rng: random.Random) -> str:
    table = rng.choice(facts.tables)
    schema = f"{table.partition('.')[0]}." if "." in table else ""
    new = f"{schema}{_old_name(table)}_v2"
    return f"ALTER TABLE {table} RENAME TO {_old_name(new)}; CREATE VIEW {table} AS SELECT * FROM {new};"


def check_not_valid(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: _base(one.type) in ("text", "character varying"))
    return f"ALTER TABLE {column.table} ADD CONSTRAINT more_check CHECK (length({column.quoted}) < 10000) NOT VALID;"


def drop_not_null(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: one.not_null)
    return f"ALTER TABLE {column.table} ALTER {column.quoted} DROP NOT NULL;"


def set_default(facts: Facts, rng: random.Random) -> str:
    column = _column(
        facts, rng, lambda one: _base(one.type) in ("text", "character varying") and not one.made_by
    )
    return f"ALTER TABLE {column.table} ALTER {column.quoted} SET DEFAULT 'new';"


def drop_index(facts: Facts, rng: random.Random) -> str:
    return f"DROP INDEX {rng.choice([name for name, is_unique in facts.indexes if not is_unique])};"


def rename_index(facts: Facts, rng: random.Random) -> str:
    return f"ALTER INDEX {rng.choice(facts.indexes)[0]} RENAME TO more_idx;"


def drop_key(facts: Facts, rng: random.Random) -> str:
    table, name, *_ = rng.choice([one for one in facts.constraints if one[2] in "fc"])
    return f"ALTER TABLE {table} DROP CONSTRAINT {name};"


def rename_key(facts: Facts, rng: random.Random) -> str:
    table, name, *_ = rng.choice([one for one in facts.constraints if one[2] in "pf"])
    return f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO more_constraint;"


def add_label(facts: Facts, rng: random.Random) -> str:
    return f"ALTER TYPE {rng.choice(facts.others['enums'])} ADD VALUE 'more';"


def add_view(facts: Facts, rng: random.Random) -> str:
    return f"CREATE {rng.choice(['', 'MATERIALIZED '])}VIEW more AS SELECT count(*) FROM {rng.choice(facts.tables)};"


def add_function(facts: Facts, rng: random.Random) -> str:
    body = f"SELECT count(*) FROM {rng.choice(facts.tables)}"
    return f"CREATE FUNCTION more(int) RETURNS bigint LANGUAGE sql AS '{body}';"


def storage(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng)
    return rng.choice([
        f"ALTER TABLE {column.table} SET (fillfactor = 80);",
        f"ALTER TABLE {column.table} ALTER {column.quoted} SET STATISTICS 500;",
        f"ANALYZE {column.table};",
        f"ALTER TABLE {column.table} SET (autovacuum_enabled = false);",
    ])  # fmt: skip


def key_not_valid(facts: Facts, rng: random.Random) -> str:
    table, _, _, definition = rng.choice([one for one in facts.constraints if one[2] == "f"])
    return f"ALTER TABLE {table} ADD CONSTRAINT more_fkey {definition} NOT VALID;"


def backfill(facts: Facts, rng: random.Random) -> str:
    column = _column(facts, rng, lambda one: not one.made_by)
    made = f"ALTER TABLE {column.table} ADD COLUMN copied {column.type};"
    return f"{made} UPDATE {column.table} SET copied = {column.quoted};"


def audit(facts: Facts, rng: random.Random) -> str:
    table = rng.choice(facts.tables)
    return (
        "CREATE TABLE audited (at timestamptz DEFAULT now(), what text);\n"
        "CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN INSERT INTO audited (what) VALUES (TG_OP); RETURN NULL; END $$;\n"
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION note_it();"
    )


def extend_view(facts: Facts, rng: random.Random) -> str:
    view = rng.choice(facts.others["views"])
    return f"CREATE VIEW more AS SELECT * FROM {view}; COMMENT ON VIEW {view} IS 'in use';"


def drop_trigger(facts: Facts, rng: random.Random) -> str:
    return f"DROP TRIGGER {rng.choice(facts.others['triggers'])};"


def grant(facts: Facts, rng: random.Random) -> str:
    return f"GRANT SELECT ON {rng.choice(facts.tables)} TO PUBLIC;"


HARMLESS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        add_nullable, add_defaulted, add_index, add_unique, widen, add_table, comment, rename_and_keep, check_not_valid,
        drop_not_null, set_default, drop_index, rename_index, drop_key, rename_key, add_label, add_view, add_function,
        storage, key_not_valid, backfill, audit, extend_view, drop_trigger, grant,
    )
}  # fmt: skip

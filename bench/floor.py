"""The floor that migrate is measured against: psycopg and nothing else, one message a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psycopg
from psycopg import sql

RECORD = sql.SQL("INSERT INTO applied (id, at) VALUES ({}, now())")

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    if len(sys.argv) == 1:
        connection.execute("SELECT 1").fetchall()
    else:
        connection.execute("CREATE TABLE applied (id text PRIMARY KEY, at timestamptz NOT NULL)")
        for path in sorted(Path(sys.argv[1]).glob("*.sql")):
            record = RECORD.format(path.stem).as_bytes(connection)
            connection.execute(b"BEGIN;" + path.read_bytes() + b";" + record + b";COMMIT")

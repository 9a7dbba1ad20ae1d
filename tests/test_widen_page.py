"""docs/widen.md: its commands do what it shows, and there and back again."""

from __future__ import annotations

import re
import shlex

from conftest import ROOT, query
from console import Sqlrail, put
from console import sqlrail as sqlrail

PAGE = (ROOT / "docs" / "widen.md").read_text()
#: commands, and what they print, where the page shows it
SHOWN = re.findall(r"(?m)^\$ sqlrail ([^\n]*)\n((?:(?!\$|```)[^\n]*\n)*)", PAGE)
SCHEMA = """
CREATE TABLE users (id serial PRIMARY KEY, name text);
CREATE TABLE posts (id bigserial PRIMARY KEY, user_id int REFERENCES users);
CREATE INDEX ON posts (user_id);
CREATE VIEW authors AS SELECT DISTINCT user_id, name FROM posts JOIN users ON users.id = user_id;
INSERT INTO users (name) SELECT 'somebody' FROM generate_series(1, 100);
INSERT INTO posts (user_id) SELECT id FROM users;
"""


def test_each_command_does_what_the_page_shows(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_users.sql": SCHEMA})
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    assert sqlrail("migrate", env=env).code == 0
    assert len(SHOWN) == 4
    for words, printed in SHOWN:
        done = sqlrail(*shlex.split(words), env=env)
        assert done.code == 0, done.err
        assert printed in ("", done.out)
    assert query(database, "INSERT INTO users (id) VALUES (3000000000) RETURNING id") == [(3_000_000_000,)]

"""What a cleanup or a restore says of a row that the server refuses names keys, and no other value of it."""

from __future__ import annotations

from pathlib import Path

import console
import pytest
from aftermath import write
from conftest import Connect
from console import Sqlrail
from test_cleanup import contents

sqlrail = console.sqlrail

CARD = "4711-0815"
SHOP = f"""
    CREATE TABLE users (id int PRIMARY KEY DEFAULT 1, email text, made date);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int DEFAULT 1, total int, card text);
    INSERT INTO users VALUES (1, 'ada', '2001-01-01'), (2, 'ada', '2002-01-01');
    INSERT INTO orders VALUES (1, 1, 200, 'none'), (2, 99, NULL, '{CARD}'), (3, 1, NULL, '{CARD}');
"""
SET = "ALTER TABLE orders ALTER total SET NOT NULL"
KEY = "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users"
SPLIT = f"""
    CREATE TABLE calls (id int, region int, card text) PARTITION BY RANGE (coalesce(region, 0), card);
    CREATE TABLE calls_nowhere PARTITION OF calls FOR VALUES FROM (0, MINVALUE) TO (0, MAXVALUE);
    INSERT INTO calls VALUES (1, NULL, '{CARD}');
"""
#: what is there besides; what is said; the statement that needs it; a word that says why it is refused
REFUSED = {
    "a value and a check": (
        "ALTER TABLE orders ADD CONSTRAINT rich CHECK (total > 100)",
        "orders.total not null set 5", SET, "rich"),
    "null and a check": (
        "ALTER TABLE orders ADD CONSTRAINT known CHECK (user_id IS NOT NULL)",
        "orders.user_id -> users.id set null", f"{KEY} ON DELETE SET NULL", "known"),
    "a default and a check": (
        "ALTER TABLE orders ADD CONSTRAINT other CHECK (user_id <> 1) NOT VALID",
        "orders.user_id -> users.id set default", f"{KEY} ON DELETE SET DEFAULT", "other"),
    "another user and a check": (
        f"DELETE FROM orders WHERE id < 3; {KEY}; ALTER TABLE orders ADD CONSTRAINT first CHECK (user_id < 2)",
        "users.email unique keep newest made", "ALTER TABLE users ADD UNIQUE (email)", "first"),
    "a value and no partition": (
        SPLIT, "calls.region not null set 7", "ALTER TABLE calls ALTER region SET NOT NULL", "calls"),
    "a check that cannot be computed": (
        "SELECT", "orders check numbered delete",
        "ALTER TABLE orders ADD CONSTRAINT numbered CHECK (card = 'none' OR card::int > 0)", "integer"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "way"), [
    (case, way) for case in REFUSED for way in ("cleanup", "online", "migrate")
    # duplicates do not go online
    if (case, way) != ("another user and a check", "online")])  # fmt: skip
def test_a_row_that_is_refused_is_not_shown(
    case: str, way: str, any_database: str, connect: Connect, tmp_path: Path, sqlrail: Sqlrail
) -> None:
    more, said, after, why = REFUSED[case]
    connection = connect(any_database)
    connection.execute(f"{SHOP}; {more}".encode())
    before = contents(connection)
    if way == "migrate":
        write(tmp_path / "files", **{"001_clean": f"-- cleanup: {said}\n{after};"})
        words = ["migrate", "--migrations", str(tmp_path / "files")]
    else:
        if " check " in said:
            connection.execute(f"{after} NOT VALID".encode())
        words = ["cleanup", "--relation", said, *["--online"] * (way == "online")]
    for flag in ("--verbose", "--json"):
        done = sqlrail(flag, *words, "--database-url", any_database, "--retry-for", "0")
        assert done.code in (1, 2, 3), done
        assert why in done.err + done.out
        assert CARD not in done.err + done.out
    assert contents(connection) == before


@pytest.mark.parametrize("type_", ["int", "date", "regclass", "jsonb", "uuid"])
def test_a_cell_that_is_no_value_any_more_is_not_shown_by_a_restore(
    type_: str, any_database: str, connect: Connect, sqlrail: Sqlrail
) -> None:
    connection = connect(any_database)
    connection.execute(SHOP.encode())
    done = sqlrail(
        "cleanup", "--relation", "orders.user_id -> users.id delete", "--database-url", any_database
    )
    assert done.code == 0
    change = f"INSERT INTO users VALUES (99); ALTER TABLE orders ALTER card TYPE {type_} USING NULL"
    connection.execute(change.encode())
    done = sqlrail("--verbose", "restore", "1", "--database-url", any_database)
    assert "nothing was restored: 1 row of run 1 left" in done.out
    assert CARD not in done.out + done.err

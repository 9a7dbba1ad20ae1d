"""What a statement writes to, told from its text and from what the tables look like."""

from __future__ import annotations

import pytest

from sqlrail.foresight.writes import Writes
from sqlrail.scratch.shapes import Constraint, Shape


def shape(
    oid: int, name: str, *, schema: str = "public", parents: tuple[int, ...] = (), to: str = ""
) -> Shape:
    """A table; `to` is what the key to table 1 says behind REFERENCES."""
    key = Constraint(
        oid=100 + oid, kind="f", name="k", definition=f"FOREIGN KEY (a) REFERENCES users(id) {to}", expression=None,
        validated=True, enforced=True, columns=(1,), index=0, foreign=1, foreign_columns=(1,), match="s",
        period=False, of_partition=False, operators=(), leans=(),
    )  # fmt: skip
    return Shape(
        oid=oid, schema=schema, name=name, kind="r", bound=None, is_default=False, parents=parents,
        fires=name == "loud", fills=False, columns={}, constraints={key.oid: key} if to else {}, indexes={},
    )  # fmt: skip


SHAPES = [
    shape(1, "users"),
    shape(2, "users", schema="s"),
    shape(3, "Odd name"),
    shape(4, "orders", to="ON DELETE CASCADE"),
    shape(5, "pets", to="MATCH FULL"),
    shape(6, "child", parents=(5,)),
    shape(7, "loud"),
]


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("UPDATE users SET a = 1, b = f(c, d) WHERE e = 2", {1: "UPDATE a b", 2: "UPDATE a b"}),
        ("UPDATE public.users SET (a, b) = (1, 2)", {1: "UPDATE"}),
        ('update only "Odd name" set "A b" = 1', {3: "UPDATE A b"}),
        ("DELETE FROM public.users", {1: "DELETE", 4: "ANY"}),
        ("UPDATE public.users SET a = 1", {1: "UPDATE a"}),
        ("INSERT INTO s.users VALUES (1)", {2: "INSERT"}),
        ("INSERT INTO s.users VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", {2: "ANY"}),
        ("INSERT INTO s.users VALUES (1) ON CONFLICT DO NOTHING", {2: "INSERT"}),
        ("MERGE INTO s.users USING pets ON true WHEN MATCHED THEN DELETE", {2: "ANY"}),
        ("COPY s.users FROM stdin", {2: "INSERT"}),
        ("COPY s.users TO stdout", {}),
        ("TRUNCATE public.orders", {4: "DELETE"}),
        ("TRUNCATE TABLE child CASCADE", {5: "DELETE", 6: "DELETE"}),
        ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT 1", {4: "ANY"}),
        ("WITH some AS (SELECT * FROM orders) SELECT max(a) FROM some", {}),
        ("UPDATE pets SET a = 1", {5: "UPDATE a", 6: "UPDATE a"}),
        ("SELECT lower(a), count(*) FROM users WHERE b IN (SELECT 'mend()')", {}),
        ("SELECT mend()", dict.fromkeys(range(1, 8), "ANY")),
        ("DO $$ BEGIN END $$", dict.fromkeys(range(1, 8), "ANY")),
        ("UPDATE loud SET a = 1", {**dict.fromkeys(range(1, 7), "ANY"), 7: "UPDATE a"}),
        ("EXPLAIN ANALYZE DELETE FROM orders", dict.fromkeys(range(1, 8), "ANY")),
        ("DELETE FROM nobodys", {}),
        ("DELETE FROM seen", dict.fromkeys(range(1, 8), "ANY")),
        ("ALTER TABLE users ADD a int", {}),
    ],
)
def test_what_is_written(statement: str, written: dict[int, str]) -> None:
    writes = Writes({"lower", "count", "max"}, {"seen"})
    writes.add(tuple(statement.upper().split()[:2]), statement, "line 1", SHAPES)
    found = {it.oid: next(writes.to(it.oid), None) for it in SHAPES}
    assert {oid: " ".join([it.verb, *sorted(it.columns or ())]) for oid, it in found.items() if it} == written


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE VIEW people AS SELECT * FROM users",
        "CREATE TRIGGER t BEFORE DELETE ON people EXECUTE FUNCTION f()",
        "CREATE RULE r AS ON DELETE TO people DO INSTEAD DELETE FROM users",
    ],
)
def test_what_leads_elsewhere_is_remembered(statement: str) -> None:
    writes = Writes(set(), set())
    writes.add(("DELETE", "FROM"), "DELETE FROM people", "line 1", SHAPES)
    assert next(writes.to(1), None) is None
    writes.add(("CREATE",), statement, "line 2", SHAPES)
    writes.add(("DELETE", "FROM"), "DELETE FROM people", "line 3", SHAPES)
    assert [(it.verb, it.place) for it in writes.to(1)] == [("ANY", "line 3")]

"""How servers spell expressions: two spellings of one are no difference, two expressions are."""

from __future__ import annotations

from pathlib import Path

import pytest
from aftermath import FIXTURES
from conftest import Servers, fresh_database, majors, query
from test_drift import build, look
from test_dump import dump

from sqlrail.schema.compare import compare
from sqlrail.schema.spelling import as_since_16, normal


@pytest.mark.parametrize(
    ("before", "since"),
    [
        (" SELECT t.a, t.b AS c FROM public.t WHERE (t.a > 1)", " SELECT a, b AS c FROM public.t WHERE (a > 1)"),
        (" SELECT x.a FROM public.t x", " SELECT a FROM public.t x"),
        (' SELECT "T ""x".a, \'"T ""x".a\' FROM public."T ""x"', ' SELECT a, \'"T ""x".a\' FROM public."T ""x"'),
        (" SELECT t.a FROM (t JOIN u ON (t.a = u.a))", None),
        (" SELECT t.a FROM t,  u", None),
        (" SELECT t.a FROM t UNION SELECT t.a FROM t", None),
        (" SELECT t.*::t AS t FROM t", None),
        (" SELECT public.f(public.a) FROM x.public", " SELECT public.f(a) FROM x.public"),
        (" SELECT t.a, EXTRACT(year FROM t.b) FROM t", " SELECT a, EXTRACT(year FROM b) FROM t"),
        (
            " SELECT ( SELECT u.a FROM u WHERE (u.a = t.a)) AS x, t.b FROM t",
            " SELECT ( SELECT u.a FROM u WHERE (u.a = t.a)) AS x, b FROM t",
        ),
        (" SELECT s.a FROM ( SELECT t.a FROM t) s", " SELECT a FROM ( SELECT t.a FROM t) s"),
        (" WITH w AS ( SELECT t.a FROM t) SELECT w.a FROM w", " WITH w AS ( SELECT t.a FROM t) SELECT a FROM w"),
        (" SELECT g.n FROM generate_series(1, 3) g(n)", " SELECT n FROM generate_series(1, 3) g(n)"),
        (" SELECT 1 AS a", None),
    ],
)  # fmt: skip
def test_a_view_of_one_table_is_written_as_newer_servers_write_it(before: str, since: str | None) -> None:
    assert as_since_16(before) == (since or before)


@pytest.mark.parametrize(
    ("kept", "read_again"),
    [
        ("((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
         "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))"),
        ("(ARRAY['a, b]'::character varying, lower(x)])::text[]",
         "ARRAY[('a, b]'::character varying)::text, (lower(x))::text]"),
        ("(ARRAY[1, (2 + 3)])::numeric(5,2)[]", "ARRAY[(1)::numeric(5,2), ((2 + 3))::numeric(5,2)]"),
        ("(ARRAY[ARRAY['a'::bpchar], ARRAY[]])::\"T []\".text[]",
         "ARRAY[ARRAY[('a'::bpchar)::\"T []\".text], ARRAY[]]"),
        ("((((q >= 1) AND (q <= 9)) AND (q <> 5)) AND t.ok)", "((q >= 1) AND (q <= 9) AND (q <> 5) AND t.ok)"),
        ("(((a OR b) OR c) AND ((d) AND e))", "((a OR b OR c) AND (d) AND e)"),
        (" SELECT a\n   FROM t\n  WHERE ((a AND b) AND c)", " SELECT a FROM t WHERE (a AND b AND c)"),
    ],
)  # fmt: skip
def test_one_expression_in_two_spellings(kept: str, read_again: str) -> None:
    assert normal(kept) == normal(read_again)
    assert kept != read_again


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a AND (b OR c))", "(a AND b OR c)"),
        ("((NOT (a AND b)) AND c)", "((NOT a) AND b AND c)"),
        ("(NOT (a AND b) AND c)", "(NOT a AND b AND c)"),
        ("((a OR b) AND c)", "(a OR b OR c)"),
        ("(f((a AND b)) AND c)", "(f(a AND b) AND c)"),
        ("(ARRAY['a'::text])::text[]", "ARRAY['a'::text]"),
        ("(ARRAY['a'::text, 'b'::text])::t[]", "(ARRAY['b'::text, 'a'::text])::t[]"),
        ("(ARRAY[1])::int8[]", "(ARRAY[1])::int4[]"),
        ("(ARRAY[(a::text = b)::text])::text[]", "ARRAY[a::text = b::text]"),
        ("((a::text = b)::text AND c)", "(a::text = b::text AND c)"),
        ("((- 1)::text AND c)", "(- 1::text AND c)"),
        ("'(a AND b) AND c'", "'a AND b AND c'"),
        ("$f$((a AND b)  AND c)$f$", "$f$(a AND b AND c)$f$"),
        ("(\"a AND\" AND b)", "(\"a  AND\" AND b)"),
    ],
)  # fmt: skip
def test_two_expressions(one: str, other: str) -> None:
    assert normal(one) != normal(other)


EXPRESSIONS = (FIXTURES / "spelling.sql").read_text()


@pytest.mark.parametrize("major", majors(), ids=lambda major: f"pg{major}")
def test_a_database_that_was_dumped_and_loaded_has_no_difference(
    servers: Servers, major: int, tmp_path: Path
) -> None:
    with fresh_database(servers(major)) as one, fresh_database(servers(major)) as other:
        wanted = build(one, EXPRESSIONS)
        dump(major, one, tmp_path / "dump.sql", "--schema-only", "--no-owner")
        text = (tmp_path / "dump.sql").read_text()
        loaded = build(other, "\n".join(line for line in text.splitlines() if not line.startswith("\\")))
        spelt = [key for key, it in wanted.objects.items() if it.facts != loaded.objects[key].facts]
        assert len(spelt) > 8, "the server spells nothing in another way, and nothing is tried here"
        assert [(one.object.facts, one.was and one.was.facts) for one in compare(wanted, look(other))] == []
        query(
            other,
            "ALTER TABLE t DROP CONSTRAINT t_state_check, ADD CONSTRAINT t_state_check CHECK (state IN ('run', 'new'))",
        )
        assert [one.object.label for one in compare(wanted, look(other))] == ["constraint t_state_check"]


def test_the_ends_of_lines_of_a_body_or_a_comment_are_the_checkout_s(servers: Servers) -> None:
    text = (
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1;\nEND\n$$;\n"
        "CREATE PROCEDURE p() LANGUAGE sql AS $$\nSELECT 1;\n$$;\nCOMMENT ON FUNCTION f IS 'two\nlines';\n"
    )
    server = servers(max(majors()))
    with fresh_database(server) as one, fresh_database(server) as other:
        windows, unix = build(one, text.replace("\n", "\r\n")), build(other, text)
        assert compare(windows, unix) == []
        assert {it.creates for it in windows.objects.values()} == {it.creates for it in unix.objects.values()}
        changed = build(other, "COMMENT ON FUNCTION f IS 'two  lines'")
        assert [one.kind for one in compare(windows, changed)] == ["comment"]

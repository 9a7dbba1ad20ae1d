"""Statements end where PostgreSQL itself says so: every text is sent whole, and then piece by piece."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from itertools import pairwise, product

import psycopg
import pytest
from conftest import Servers, fresh_database, majors, needs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import pq

from sqlrail.files import pieces as pieces_of
from sqlrail.files import statements
from sqlrail.files.examine import examine
from sqlrail.files.pieces import Piece, Reader

# COPY from the server's files is among the statements; no runner is.
pytestmark = needs("pg_read_server_files")

Connection = psycopg.Connection[tuple[object, ...]]
Results = list[tuple[int, bytes | None, list[list[bytes | None]]]]

#: what follows SELECT: things that hide a semicolon, or look as if they did; ⏎ is a line feed, ⇤ a carriage return
EXPRESSIONS = r"""
'a;b' | 'it''s;' | '''' | ''';''' | '' | '\' | '\;' | '--;' | '/*;' | 'a''--;' | '$$;' | ';"'
E'it\'s;' | E'\\' | E'\\\';' | e'a''b;\'' | E'\';\'' | E';\n' | E'\u0041;\'' | E'\101;' | E'' | E'''' | E''';\''
E'a'⏎'b\';' | E'a' -- it's;⏎ 'b\';' | E'a'⏎⏎-- ;'⏎⏎'b\'' | E'a\''⏎ 'b'⏎'\';' | 'a'⏎'b;' | 'a' --;⏎';\'
'a'⏎'b' --';⏎'c;' | U&'d\0061t;' | U&'a\\;' | U&'a!0061;\' UESCAPE '!' | u&''';''' | N'a;\' | n';'
B'01' || b'1' | X'1F' || x'' | 1 AS "a;b" | 1 AS "a"";b" | 1 AS "--" | 1 AS "/*;" | 1 AS "'" | 1 AS "$$;"
1 AS U&"d\0061;" | 1 AS U&"d!0061;" UESCAPE '!' | 1 AS "e" | "name"';' | 1 AS "E\" | 1 "é;"
$$a;b$$ | $$'$$ | $$--$$ | $$/*;$$ | $$$$ | $$;⏎;$$ | $$\$$ | $a$;$$;$b$;$a$ | $é$;$é$ | $_1$;$_1$ | $$$;$$
$a$;$a;$a$ | $a$;$A$;$a$ | $a$$a;$$a$ | $$a$b;$c$$ | $e$;'$e$ | $abc$;$ab$;c$abc$
1 AS a$b$ | 1 AS a$$ | 1 AS a$b$, 2 AS c$b$ | 1 AS é$é$, 2 AS é$é$ | 1 AS _$a$, 2 AS b$a$ | 1 AS a$1 | 1 e$$
1 /* ; */ | 1 /* ' */ | 1 /* " */ | 1 /* $$ */ | 1 /* /* ; */ ; */ | 1 /*/ ; */ | 1 /***/ | 1 /*;**/ | 1 /**/
1 /* -- */ | 1 /*/*/;*/*/ | 1 /* ⏎ /* ; */⏎; */ | 1 /* \ */ | 1 /*;*//*;*/ | 1 /* //* ; */ */ | 1 -- ;⏎
1 -- '⏎ | 1--;⏎+1 | 1 -- /*⏎ | 1 ---;⏎ | 1 -- $$⏎ | 1 -- \⏎ | 1 --⏎--;⏎ | 1 --;⇤+2 --;⇤
1 - - 1 | 1-/*;*/-1 | 1+-2 | 5 # 3 | 5#3 | @-5 | @ -5 | 1 +/*;*/ 2 | 2*/*;*/3 | 4//*;*/2 | 6 / 2 | 2^3 | 1+--;⏎2
-(-1) | 7%/*;*/2 | |/ 4 | 1 <> 2 | 1!=2 | ~1 | 1<<2>>1 | 'a' ~ '\;' | 'a' ~* 'b;' | '{1}'::int[] @> '{1}'
'a' LIKE '%' ESCAPE '\' | 'a' LIKE 'b;' ESCAPE '' | '{"a;": 1}'::jsonb -> 'a;' | '{"a;":1}'::jsonb ? 'a;'
'[";"]'::jsonb #>> '{0}' | ARRAY[1,2] | (ARRAY[1,2])[1] | '{;}'::text[] | ROW(1, ';') | (SELECT ';') | ((1))
date'2020-01-01' | name'it\' | name';' | name ';\' | "char"'\' | interval '1' second
CASE WHEN true THEN ';' END | CASE WHEN true THEN CASE WHEN true THEN 1 END ELSE 2 END | CASE 1 WHEN 1 THEN 2 end
1 AS end | 1 end | 1 AS "end" | 1 AS begin | 1 begin | 1 AS atomic | 1 AS commit | 1 AS case | 1 case | 1 rollback
begin FROM (SELECT 1 AS begin) AS s | x.end FROM (SELECT 1 AS end) AS x | (CASE WHEN true THEN 1 END) AS end
(SELECT begin FROM (SELECT 1 AS begin) AS begin) | begin.atomic FROM (SELECT 1 AS atomic) AS begin
begin atomic FROM (SELECT 1 AS begin) s | 1e5 | .5 | 1.5e-3 | 1 AS e | 1 AS E | 1 e | 1 AS u, 2 & 3 | 1 AS x
"""
CONTEXTS = [
    "SELECT {0};SELECT 2;",
    "-- it's;\nSELECT {0}\n;;\n/* ; */ SELECT {0}",
    "DO $do$BEGIN PERFORM 1; END$do$;SELECT {0} ; SELECT ';' -- tail;",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql\nBEGIN ATOMIC SELECT {0};SELECT 1;END;SELECT {0}",
    "CREATE RULE r AS ON UPDATE TO t DO ALSO (SELECT {0};SELECT 1);SELECT 2;",
    "\r\n; EXPLAIN\tSELECT {0};\r\nSELECT {0}\r\n;\f\r\n",
    "WITH /* ; */ x AS (SELECT 1) SELECT {0};TABLE t",
]
#: text by text: how many statements it holds
TEXTS = {
    "INSERT INTO t VALUES (1, 'a;'), (2, E'\\';');INSERT INTO t VALUES (3, $$;$$)": 2,
    ";;": 0,
    "": 0,
    "  \t\r\n\f": 0,
    "-- nothing;": 0,
    "/* ; /* ; */ */ ; -- ;": 0,
    "SELECT 1": 1,
    ";SELECT 1;;;SELECT 2;": 2,
    "SELECT;SELECT": 2,
    "(SELECT 1);(SELECT 2)": 2,
    "-- words inside a comment\n(SELECT ';');VALUES (1)": 2,
    "-- CREATE FUNCTION f() BEGIN ATOMIC\nCREATE TABLE x ();CREATE TABLE y ()": 2,
    "VALUES(1);TABLE t;": 2,
    "SELECT 1/* ; */;/* ; */SELECT 2/* ; */": 2,
    "SELECT 1 -- a\n-- b": 1,
    "CREATE TABLE x (a int DEFAULT 1, b text DEFAULT ';');ALTER TABLE x ADD c int": 2,
    "CREATE /* a */ OR -- b;\n REPLACE /* c */ FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;SELECT 1": 2,
    "CREATE FUNCTION f() RETURNS int RETURN 1;SELECT f()": 2,
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2';SELECT 1": 2,
    "CREATE FUNCTION f() RETURNS int AS $$SELECT 1; SELECT 2$$LANGUAGE sql;SELECT 1": 2,
    "CREATE FUNCTION f() RETURNS void AS $f$BEGIN EXECUTE $$SELECT 1;$$; END$f$ LANGUAGE plpgsql;SELECT f()": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1, ';'); END;CALL p()": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC END;CALL p()": 2,
    "CREATE PROCEDURE p() BEGIN /* ; */ ATOMIC --;\n END; CALL p();": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC ;; END; CALL p();": 2,
    "CREATE PROCEDURE p() begin atomic; eNd/**/;CALL p()": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1 end; END;CALL p()": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1 case; END;CALL p()": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END;/*;*/END;CALL p()": 2,
    "CREATE PROCEDURE p() BEGIN ATOMIC SELECT x.end FROM (SELECT 1 AS end) x;END": 1,
    "CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1 AS \";\";SELECT '; END;'; END;CALL p()": 2,
    "CREATE PROCEDURE p(begin int, atomic int) BEGIN ATOMIC SELECT begin; END;CALL p(1, 2)": 2,
    "CREATE PROCEDURE begin() AS 'SELECT 1' LANGUAGE sql;CALL begin()": 2,
    "CREATE PROCEDURE atomic() BEGIN ATOMIC SELECT 1; END;CALL atomic();DROP PROCEDURE atomic()": 3,
    "CREATE SCHEMA begin;CREATE TYPE begin.atomic AS (a int);CREATE FUNCTION f() RETURNS begin.atomic LANGUAGE sql"
    " AS 'SELECT 1';SELECT f()": 4,
    "CREATE SCHEMA begin;CREATE PROCEDURE begin.atomic() LANGUAGE sql AS '';CALL begin.atomic()": 3,
    "CREATE TYPE atomic AS (a int);CREATE FUNCTION f(begin atomic) RETURNS int RETURN 1;SELECT 2": 3,
    "CREATE TYPE begin AS (a int);CREATE FUNCTION f() RETURNS begin BEGIN ATOMIC SELECT 1; END;SELECT 2": 3,
    "CREATE VIEW v AS SELECT begin atomic FROM (SELECT 1 AS begin) s;SELECT 1": 2,
    "CREATE TABLE function (begin int);CREATE INDEX begin ON function (begin);SELECT begin atomic FROM function": 3,
    "CREATE OR REPLACE VIEW v AS SELECT begin atomic FROM (SELECT 1 AS begin) s;SELECT 1": 2,
    "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); INSERT INTO u VALUES (2));"
    "INSERT INTO t VALUES (1, '')": 2,
    "CREATE OR REPLACE RULE r AS ON UPDATE TO t DO INSTEAD (;SELECT (1);;SELECT ')';);SELECT 1": 2,
    "CREATE RULE r AS ON INSERT TO t DO ALSO SELECT begin atomic FROM (SELECT 1 AS begin) s;SELECT 1": 2,
    "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;DELETE FROM t": 2,
    'CREATE RULE "r;" AS ON DELETE TO t WHERE (1 = (SELECT 1)) DO (DELETE FROM u; TABLE u);SELECT 1': 2,
    "DO 'BEGIN PERFORM 1; END';DO LANGUAGE plpgsql $$BEGIN PERFORM 1; END$$": 2,
    "DO $$BEGIN PERFORM $a$;$a$; END$$LANGUAGE plpgsql;SELECT 1": 2,
    "PREPARE transaction AS SELECT ';';EXECUTE transaction;DEALLOCATE transaction": 3,
    "PREPARE p(int) AS SELECT $1;EXECUTE p(1);DEALLOCATE p": 3,
    "PREPARE p(int, text) AS SELECT $1,$2;EXECUTE p(1,$$;$$);DEALLOCATE p": 3,
    "SAVEPOINT a;ROLLBACK TO a;ROLLBACK WORK TO SAVEPOINT a;RELEASE a": 4,
    "COPY t FROM '/dev/null';COPY (SELECT 1 FROM (SELECT 1) stdin) TO '/dev/null';SELECT 1": 3,
    "COMMENT ON TABLE t IS 'a;''';COMMENT ON TABLE t IS E'\\';';COMMENT ON TABLE t IS NULL": 3,
    "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;"
    "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();INSERT INTO t VALUES (1, ';')": 3,
    "CREATE OPERATOR #-# (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int);SELECT 1#-#/*;*/2;SELECT 1#-#--;\n2": 3,
    "SET LOCAL search_path = public, \"a;b\";SET LOCAL application_name TO 'a;b'": 2,
    "SELECT 'é;', 1 AS é;SELECT '日本;語' AS \"日;本\"": 2,
    "SELECT '" + "''" * 250 + ";';SELECT 1": 2,
    "SELECT E'" + "\\'" * 250 + ";';SELECT 1": 2,
    'SELECT 1 AS "a' + '""' * 25 + ';";SELECT 1': 2,
    "INSERT INTO t VALUES " + ",".join("(1, 'a;''')" for _ in range(900)) + ";SELECT 1": 2,
    "SELECT 1" + " - -1" * 700 + ";SELECT 1": 2,
    "SELECT E'a'" + "\n" * 60 + ";SELECT 1": 2,
    "SELECT E'a'" + "\n'\\';'" * 300 + ";SELECT 1": 2,
    "/*" * 2000 + ";" + "*/" * 2000 + "SELECT 1;SELECT 2": 2,
    "SELECT 1;" * 300: 300,
}


HARD = EXPRESSIONS.strip().replace("\n", " | ").replace("⏎", "\n").replace("⇤", "\r").split(" | ")
CASES = [*((context.format(each), None) for each, context in product(HARD, CONTEXTS)), *TEXTS.items()]


@pytest.fixture(scope="module", params=sorted({min(majors()), max(majors())}), ids=lambda major: f"pg{major}")
def connection(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Connection]:
    """One connection to the oldest and one to the newest server for all the cases: each ends with a ROLLBACK."""
    with fresh_database(servers(request.param)) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a int, b text); CREATE TABLE u (a int)")
        connection.execute("CREATE OPERATOR @- (RIGHTARG = int, FUNCTION = int4um)")
        yield connection


def send(connection: Connection, *messages: bytes) -> Results:
    """The results of messages sent by the simple protocol in one transaction, which is rolled back."""
    results: Results = []
    for message in (b"BEGIN", *messages, b"ROLLBACK"):
        connection.pgconn.send_query(message)
        while result := connection.pgconn.get_result():
            rows = [[result.get_value(r, c) for c in range(result.nfields)] for r in range(result.ntuples)]
            results.append((result.status, result.command_status or result.error_message, rows))
    errors = [text for status, text, _ in results if status == pq.ExecStatus.FATAL_ERROR]
    assert not errors
    return results[1:-1]


def read(text: bytes, **sizes: int) -> list[tuple[Piece, bytes | None]]:
    """The pieces of a text, each with its data."""
    return [
        (piece, None if piece.data is None else b"".join(piece.data))
        for piece in Reader(io.BytesIO(text), **sizes)
    ]


def split(text: bytes, **sizes: int) -> list[tuple[int, int]]:
    """Where statements begin and end."""
    return [
        (piece.offset + each.start, piece.offset + each.end)
        for piece, _ in read(text, **sizes)
        for each in piece.statements
    ]


def pieces(text: bytes, **sizes: int) -> list[bytes]:
    return [text[start:end] for start, end in split(text, **sizes)]


def gaps(text: bytes) -> bytes:
    """What is left when the statements are taken out."""
    ends = [(0, 0), *split(text), (len(text), 0)]
    return b"\n".join(text[before:start] for (_, before), (start, _) in pairwise(ends))


def check(text: bytes, *, transactional: bool = True) -> statements.Flaw | None:
    return next(iter(examine(io.BytesIO(text), transactional=transactional).flaws), None)


def assert_split_like_postgresql(connection: Connection, text: bytes) -> None:
    parts = pieces(text)
    whole = send(connection, text)
    nothing: Results = [(pq.ExecStatus.EMPTY_QUERY, b"", [])]
    assert send(connection, *parts) == [result for result in whole if result not in nothing]
    assert send(connection, gaps(text)) == nothing
    assert all(part == part.strip() for part in parts)


@pytest.mark.parametrize(("text", "count"), CASES, ids=[repr(text[:60]) for text, _ in CASES])
def test_statements_end_where_postgresql_ends_them(
    connection: Connection, text: str, count: int | None
) -> None:
    assert_split_like_postgresql(connection, text.encode())
    assert count is None or len(pieces(text.encode())) == count


BLANKS = [
    " ",
    "\n",
    "\r\n",
    "\t",
    "\f",
    "-- it's; $$\n",
    "--\n",
    "/* ; */",
    "/* /* ' */ ; */",
    "/**/",
    "\n-- /*\n",
]
blanks = st.lists(st.sampled_from(BLANKS), max_size=3).map("".join)
expressions = st.lists(
    st.sampled_from([each for each in HARD if " FROM " not in each]), min_size=1, max_size=3
)
ends = st.tuples(blanks, st.sampled_from([";", ";", ";;", "; ;"]), blanks).map("".join)


@st.composite
def selects(draw: st.DrawFn) -> str:
    parts = draw(expressions)
    return "SELECT" + "".join(f"{draw(blanks)} {part}\n{draw(blanks)}," for part in parts)[:-1]


bodies = st.lists(st.tuples(selects(), ends).map("".join), max_size=3).map("".join)
texts = st.one_of(
    selects(),
    bodies.map("CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC {}END".format),
    bodies.map("CREATE OR REPLACE RULE r AS ON UPDATE TO t DO ALSO ({}SELECT 1)".format),
    st.sampled_from([f"{text}\n" for text in TEXTS if "CREATE" not in text and len(text) < 200]),
)


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=blanks, rest=st.lists(st.tuples(selects() | texts, ends).map("".join), max_size=5))
def test_any_statements_are_split_like_postgresql_splits_them(
    connection: Connection, first: str, rest: list[str]
) -> None:
    assert_split_like_postgresql(connection, (first + "".join(rest)).encode())


lines = st.sampled_from(["1\té;\n", "\n", "\\\\.\n", "\\.x\r\n", " \\.\n", "'\n", "日本\r\n"])
copies = st.builds(
    "COPY t (a, b) FROM stdin;{}{}\\.{}".format,
    st.sampled_from(["\n", "\r\n", " -- é;\n"]),
    st.lists(lines, max_size=5).map("".join),
    st.sampled_from(["\n", "\r\n"]),
)
keys = st.sampled_from(["\\restrict é1\n", "\\unrestrict x\r\n", "\n\\restrict \t\n"])


@settings(max_examples=300, deadline=None, database=None)
@given(
    rest=st.lists(st.tuples(texts, ends).map("".join) | copies | keys | blanks, max_size=8),
    tail=st.sampled_from(["", "SELECT 1", "-- é", "/* ; */", "COPY t FROM stdin;\né", "COPY t FROM stdin"]),
    block=st.integers(1, 99),
    size=st.integers(1, 999),
)
def test_a_file_is_the_same_however_it_is_read(rest: list[str], tail: str, block: int, size: int) -> None:
    text = ("".join(rest) + tail).encode()
    whole = read(text, size=2**20, block=2**20)
    parts = read(text, size=size, block=block)
    assert split(text, size=size, block=block) == split(text, size=2**20, block=2**20)
    assert [data for _, data in parts if data is not None] == [data for _, data in whole if data is not None]
    for piece, data in parts:
        assert text[piece.offset :].startswith(piece.text)
        assert (piece.line, piece.column) == statements.place(text, piece.offset)
        assert set(piece.notable) <= set(piece.statements)
        assert data is None or text[piece.offset + len(piece.text) :].startswith(data)
        assert len(piece.statements) < 2 or piece.statements[-2].end < size + (size > 1) * 2 * block


class Counting(io.BytesIO):
    """A stream that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.taken += len(block)
        return block


@pytest.mark.parametrize(
    "text", [b"SELECT 'a row';\n", b"COPY t FROM stdin;\n1\ta\n\\.\n", b"SELECT 1;\n\\restrict x\n"], ids=repr
)
def test_no_more_is_read_than_a_block_ahead(text: bytes) -> None:
    stream = Counting(text * 10_000)
    for piece in Reader(stream, size=50, block=1000):
        assert stream.taken <= piece.offset + len(piece.text) + 1000
        assert len(piece.text) <= 2100
    assert stream.taken == len(text) * 10_000


def test_the_lines_of_copy_come_in_blocks() -> None:
    stream = Counting(b"COPY t FROM stdin;\n" + "1\té\n".encode() * 100_000 + b"\\.\nSELECT 1;")
    copy, data = next(iter(Reader(stream, block=1000))), 0
    assert copy.data is not None
    for block in copy.data:
        assert len(block) <= 1000
        assert block.endswith(b"\n")
        data += len(block)
        assert stream.taken <= data + 2000
    assert data == 100_000 * len("1\té\n".encode())


def test_data_that_nobody_reads_are_passed_over() -> None:
    text = b"COPY t FROM stdin;\n" + b"1\n" * 1000 + b"\\.\nSELECT 1;"
    copy, last = Reader(io.BytesIO(text), block=100)
    assert (last.text, last.line, last.offset) == (b"SELECT 1;", 1003, len(text) - 9)
    assert list(copy.data or ()) == []


@pytest.mark.parametrize("line", [b"\\restrict aB9", b"\\unrestrict x\r", b"\\restrict"])
def test_the_key_of_a_dump_belongs_to_no_piece(line: bytes) -> None:
    text = b"-- dump\n\n" + line + b"\n\nSELECT 1;\n  " + line + b"\nSELECT 2;\n" + line
    one, two = Reader(io.BytesIO(text))
    assert (one.text, one.line, one.column) == (b"\nSELECT 1;", 4, 1)
    assert (two.text, two.line, two.column) == (b"SELECT 2;", 7, 1)
    assert check(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("create Unique\tINDEX concurrently x ON t (a)", "CREATE UNIQUE INDEX CONCURRENTLY"),
        ("-- a\n/* b */ALTER /* c */ TYPE -- d\n color ADD VALUE 'x'", "ALTER TYPE COLOR ADD"),
        ("COMMIT /* x */ AND CHAIN;", "COMMIT AND CHAIN"),
        ("VACUUM;", "VACUUM"),
        ("SELECT-1;", "SELECT"),
        ('INSERT INTO "T" VALUES (1);', "INSERT INTO"),
        ("(SELECT 1);", ""),
        ("REINDEX (VERBOSE) TABLE t", "REINDEX"),
        ("DROP TABLE größe;", "DROP TABLE GRößE"),
    ],
)
def test_a_statement_knows_its_first_four_words(text: str, words: str) -> None:
    [(piece, _)] = read(text.encode())
    assert [each.words for each in piece.statements] == [tuple(words.split())]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(
    "command", ["COPY t FROM stdin;", "copy public.t (a, b) /*;*/ From -- ;\n STDIN; -- data"]
)
def test_the_lines_of_copy_are_data(connection: Connection, command: str, newline: str) -> None:
    lines = "1\tit's; \\\\. /*\n2\tCOMMIT;\n".replace("\n", newline)
    text = f"SELECT 1;\n{command}{newline}{lines}\\.{newline}SELECT 2;".encode()
    (copy, data), (last, nothing) = read(text)
    assert copy.text[slice(*copy.statements[0][:2])] == b"SELECT 1;"
    assert (copy.text + lines.encode() + f"\\.{newline}".encode() + last.text, nothing) == (text, None)
    assert (copy.data_line, data) == (copy.text.count(b"\n") + 1, lines.encode())
    assert (last.line, last.column) == (text.count(b"\n") + 1, 1)
    assert data is not None
    with connection.transaction(force_rollback=True):
        with connection.cursor().copy(copy.text[copy.statements[1].start :]) as sink:
            sink.write(data)
        rows = connection.execute("SELECT b FROM t ORDER BY a").fetchall()
    assert rows == [("it's; \\. /*",), ("COMMIT;",)]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("COPY t FROM stdin;\n\\.\nSELECT 1", b""),
        ("COPY t FROM stdin", b""),
        ("COPY t FROM stdin;\n1\tx", b"1\tx"),
        ("COPY t FROM stdin;\n1\t\\.\n\\.x\n \\.\n\\.", b"1\t\\.\n\\.x\n \\.\n"),
        ("COPY t FROM stdin;\n\n\n\\.\n", b"\n\n"),
        ("COPY stdin (stdin, b) FROM stdin WHERE b <> 'stdin';\n1\n\\.\n", b"1\n"),
        ("COPY t (stdin) TO '/dev/null';\n", None),
        ("CREATE TABLE copy (a text DEFAULT 'FROM stdin;\n');\n", None),
        ("COPY t FROM stdin WITH (FORMAT csv);\n'\n\\.", b"'\n"),
        ("COPY t FROM '/from stdin';\n", None),
        ("COPY (SELECT 1 FROM stdin) TO stdout;", None),
        ("COPY x.stdin TO stdout;", None),
        ("SELECT 1 FROM stdin;", None),
    ],
)
def test_only_copy_from_stdin_carries_data(text: str, data: bytes | None) -> None:
    assert [data for _, data in read(text.encode())] in ([data], [data, None])
    assert [data for _, data in read(text.encode(), block=1)] in ([data], [data, None])


CONTROL = [
    "BEGIN", "begin work", "BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION", "start transaction read only",
    "COMMIT", "commit work", "COMMIT AND CHAIN", "COMMIT /* x */ AND CHAIN", "COMMIT AND NO CHAIN",
    "COMMIT PREPARED 'x'", "END", "end transaction", "ABORT", "abort work", "ROLLBACK", "ROLLBACK WORK",
    "rollback and chain",
    "ROLLBACK TRANSACTION", "ROLLBACK PREPARED 'x'", "PREPARE TRANSACTION 'x'", "PREPARE -- ;\n TRANSACTION E'x'",
]  # fmt: skip
HARMLESS = [
    "SAVEPOINT s", "ROLLBACK TO s", "ROLLBACK TO SAVEPOINT s", "rollback work to s",
    "Rollback /* ; */ Transaction To s", "RELEASE s", "PREPARE p AS SELECT 1",
    "PREPARE transaction AS SELECT 1", "SELECT CASE WHEN true THEN 1\nEND",
    "SELECT 1 AS begin", "SELECT 1\ncommit", "SELECT '\nCOMMIT;\n'", "SELECT E'\\';\nCOMMIT;'",
    "SELECT 1 /*\n;COMMIT;*/",
    "SELECT 1 --;COMMIT;", 'SELECT 1 AS "\n;COMMIT"', "SELECT $$;\nROLLBACK;$$", "DO $$\nBEGIN\nPERFORM 1;\nEND;\n$$",
    "CREATE PROCEDURE p()\nBEGIN ATOMIC\nSELECT 1;\nEND", "SET CONSTRAINTS ALL IMMEDIATE", "TABLE t",
    "CREATE PROCEDURE p() LANGUAGE plpgsql AS '\nBEGIN\nCOMMIT;\nEND'",
    "SET standard_conforming_strings = on", "set session standard_conforming_strings to 'on'",
    "SET client_encoding = 'UTF8'", "SET LOCAL Client_Encoding TO utf8", "SET NAMES 'UTF-8'", "SET names.x = 'y'",
    "SET client_min_messages = warning", "SET LOCAL standard_conforming_strings = DEFAULT",
]  # fmt: skip


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("command", CONTROL)
def test_transaction_control_is_found_before_anything_runs(command: str, large: bool) -> None:
    text = (
        b"-- first;\nSELECT 1;"
        + b"SELECT 'filling';" * (large * 70_000)
        + b" /* */ "
        + command.encode()
        + b";"
    )
    flaw = check(text)
    assert flaw is not None
    assert text[flaw.offset :] == command.encode() + b";"
    assert command.split()[0].upper() in flaw.message
    assert "`-- transactional: false`" in flaw.message
    outside = check(text, transactional=False)
    assert (outside is not None) == (command.split()[0] == "PREPARE")  # it would keep the notes locked
    alone = check(command.encode())
    assert alone is not None
    assert alone.offset == 0


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("command", HARMLESS)
def test_what_only_looks_like_transaction_control_is_no_flaw(
    connection: Connection, command: str, large: bool
) -> None:
    assert check(command.encode() + b"\n;" + b"SELECT 'filling';" * (large * 70_000)) is None
    with connection.transaction(force_rollback=True):
        connection.execute("SAVEPOINT s")
        before = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
        connection.execute(command.encode(), prepare=False)
        assert connection.execute("SELECT pg_current_xact_id()::text").fetchone() == before
        connection.execute("DEALLOCATE ALL")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;⟨'it''s;", "SELECT ⟨E'it\\';", "SELECT ⟨E'a'\n'b\\'", "SELECT 1 AS ⟨\"a;",
        "SELECT ⟨$$a;", "SELECT ⟨$a$;$$;",
        "SELECT 1 ⟨/* ;", "⟨/* /* */ ;", "SELECT ⟨'a\\\\''", 'SELECT 1 AS ⟨"a""', "DO ⟨$do$ BEGIN END $d$", "SELECT ⟨'",
        "CREATE FUNCTION f() RETURNS int AS ⟨'SELECT 1;", "CREATE TABLE t (a int); SELECT 'e', ⟨'",
    ],
)  # fmt: skip
def test_what_is_never_closed_is_named_where_it_began(connection: Connection, text: str) -> None:
    before, after = text.split("⟨")
    flaw = check((before + after).encode())
    assert flaw is not None
    assert flaw.offset == len(before)
    assert "never closed" in flaw.message
    with pytest.raises(psycopg.errors.SyntaxError, match="unterminated") as caught:
        connection.execute((before + after).encode())
    assert int(caught.value.diag.statement_position or 0) == len(before) + 1


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        (b"SELECT 1;\0 SELECT 2;", 9, "NUL"),
        (b"SELECT '\xe9';", 8, "byte 0xe9 is not UTF-8"),
        (b"-- \xc3", 3, "byte 0xc3 is not UTF-8"),
        (b"", 0, "no statement"),
        (b"SELECT 1;\n\\restricted abc\n", 10, r"\\restricted is a command of psql"),
        (b"SELECT 1\n\\restrict abc\n", 9, r"\\restrict is a command of psql"),
        (b"SELECT 1;\n\\restrict abc \\connect x\n", 10, r"\\restrict is a command of psql"),
        (b"\\restrict abc\n-- nothing\n\\unrestrict abc\n", 0, "no statement"),
        (b"COPY t FROM stdin;\n\\.\n\\.\n", 22, r"\\\. ends the data"),
        ("SELECT 'é';".encode("utf-16"), 0, "UTF-16"),
        ("SELECT 'é';".encode("utf-16-le"), 0, "UTF-16"),
        (b"-- " + b" " * 2**20 + b"\xc3", 2**20 + 3, "byte 0xc3 is not UTF-8"),
        (b"-" * (2**20 - 1) + b"\xc3-", 2**20 - 1, "byte 0xc3 is not UTF-8"),
        (b"SELECT 1;\nSET standard_conforming_strings = off;", 10, "standard_conforming_strings on"),
        (b"SET LOCAL standard_conforming_strings TO 'false'", 0, "standard_conforming_strings on"),
        (b"SET client_encoding = 'LATIN1'", 0, "--encoding=UTF8"),
        (b"SET NAMES 'latin1'", 0, "--encoding=UTF8"),
        (b"SELECT 1 \\gexec", 9, r"\\gexec"),
        (b"COPY t FROM stdin; SELECT 1;\n1\n\\.\n", 18, "next line"),
    ],
    ids=lambda each: repr(each)[:50],
)
def test_a_flaw_is_found_before_anything_runs(text: bytes, offset: int, message: str) -> None:
    flaw = check(text)
    assert flaw is not None
    assert flaw.offset == offset
    assert flaw.message == str(flaw)
    with pytest.raises(statements.Flaw, match=message):
        raise flaw


def test_backslashes_and_copies_in_literals_are_no_flaws() -> None:
    assert check(rb"""SELECT '
\connect', E'\n', $$
\restrict
COPY t FROM stdin;
$$, "\" /* \ */ -- \
""") is None  # fmt: skip


def test_a_file_that_no_message_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces_of, "MESSAGE_LIMIT", 9)
    assert check(b"SELECT 1;") is None
    assert check(b"SELECT 1;\nSELECT 2") is None
    for text in (b"SELECT 1; SELECT 10;", b"SELECT 1; SELECT 10", b"SELECT 1; SELECT " + b"1" * 50):
        flaw = check(text)
        assert flaw is not None
        assert flaw.offset == 10
        assert "more than 9 bytes" in flaw.message
        assert "split it" in flaw.message


@pytest.mark.parametrize(
    ("before", "line", "column"),
    [
        ("", 1, 1), ("abc", 1, 4), ("a\n", 2, 1), ("a\r\nb", 2, 2), ("\t\tb", 1, 4), ("é日\U0001f600", 1, 4),
        ("é\n日\n\U0001f600", 3, 2), ("\n\n\n", 4, 1), ("a\u0301", 1, 3),
    ],
)  # fmt: skip
def test_a_place_is_counted_in_lines_and_characters(before: str, line: int, column: int) -> None:
    assert statements.place((before + "x\ny").encode(), len(before.encode())) == (line, column)


@pytest.mark.parametrize(
    "start", ["", "SELECT 1;\n", "SELECT 'é';\r\n", "-- 日本\tü\n\n", "SELECT '\U0001f600'; "]
)
@pytest.mark.parametrize(
    "wrong", ["SELECT missing_column", "SELECT 'é', missing_column", "SELEC 1", "SELECT 1 +;"]
)
def test_the_servers_position_leads_back_to_the_byte(connection: Connection, start: str, wrong: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute((start + wrong).encode())
    offset = statements.offset_of((start + wrong).encode(), int(caught.value.diag.statement_position or 0))
    assert (start + wrong).encode()[offset:] in (b"missing_column", b"SELEC 1", b";")


@pytest.mark.promise
@pytest.mark.parametrize(
    "text",
    [
        "\n" * 300_000, "E'a'" + "\n" * 300_000 + ";", " " * 300_000, "--\n" * 100_000, "'" * 300_001, "/" * 300_000,
        "E'" + "\\'" * 150_000, "$" * 300_000, "SELECT " * 50_000, "/*" * 150_000, "(" * 300_000, '"' * 300_001,
    ],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_no_text_takes_more_than_linear_time(text: str) -> None:
    for each in (text, "SELECT " + text, "CREATE FUNCTION " + text, "SELECT 1;" * 150_000 + text):
        began = time.perf_counter()
        check(each.encode())
        check(each.encode(), transactional=False)
        assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT  1\n  ;", "SELECT 1"),
        (
            "SELECT 'a''b', E'c\\'d', U&'e', $f$ g $f$, \"h'i\" -- j",
            "SELECT '…', E'…', U&'…', $$…$$, \"h'i\"",
        ),
        ("SELECT /* a /* 'b' */ c */ 1 -- 'd'\n, 2", "SELECT 1 , 2"),
        ('ALTER TABLE "ä\x1b\u202e" ADD ö int', r'ALTER TABLE "ä\x1b\u202e" ADD ö int'),
        ("SELECT " + "x, " * 40, "SELECT " + "x, " * 10 + "x,…"),
    ],
)
def test_a_statement_is_shown_on_one_line_without_what_its_literals_hold(text: str, shown: str) -> None:
    assert statements.brief(text.encode(), 40) == shown


def test_a_statement_of_megabytes_is_shown_at_once() -> None:
    text = b"INSERT INTO t VALUES " + b"(1, 'x'), " * 500_000
    assert len(statements.brief(text, 120)) == 120

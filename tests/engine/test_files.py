"""Files from anywhere: what works, what is refused before anything runs, what fails, and at which line and column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import console
import pytest
from conftest import fresh_database, query
from console import Sqlrail, catalog, put

from sqlrail.engine import explain
from sqlrail.files.folder import read_files
from sqlrail.server import local

sqlrail = console.sqlrail

FIRST = "CREATE TABLE t (a int PRIMARY KEY, b text);\n"
ROWS = "SELECT a, b FROM t ORDER BY a"
OWN_TRANSACTION = (
    "is not for the file to say: the runner begins and ends its transaction. Remove it; where statements have to "
    "commit on their own, begin the file with `-- transactional: false`."
)
PSQL = "is a command of psql, which PostgreSQL does not know; remove it."
CONNECT = (
    "leads to another database, and there are statements in front of it; a run is connected to one: split the file, or "
    "remove the line."
)
NONE_BEGUN = "\\. ends the data of COPY … FROM stdin, and none have begun; look at the statement before it."
NEXT_LINE = "the data of COPY … FROM stdin begin on the next line; this one has to end here."
UTF16 = "1:1: the file is UTF-16; save it as UTF-8."
STRINGS = (
    "the file is read with standard_conforming_strings on; write backslash escapes as E'…', and remove this."
)
ENCODING = "the file is read as UTF-8; remove this, or dump with `pg_dump --encoding=UTF8`."
#: more than one piece of a file
FILLING = "SELECT 'é filling';\n" * 60_000


def case(id_: str, *values: object) -> Any:
    return pytest.param(*values, id=id_)


def copy(lines: str, head: str = "COPY t (a, b) FROM stdin;\n") -> str:
    return f"{head}{lines}\\.\n"


#: the file, and what it leaves in t, or what a query finds
WORKS = [
    case("BOM", b"\xef\xbb\xbfINSERT INTO t VALUES (1, 'x');", [(1, "x")]),
    case("BOM before COPY", b"\xef\xbb\xbfCOPY t FROM stdin;\n1\tx\n\\.\n", [(1, "x")]),
    case("CRLF", b"INSERT INTO t\r\nVALUES (1,\r\n'x');\r\n", [(1, "x")]),
    case("CRLF within a string is kept", b"INSERT INTO t VALUES (1, 'x\r\ny');\r\n", [(1, "x\r\ny")]),
    case("CR only", b"INSERT INTO t -- one;\rVALUES (1, 'x');\rINSERT INTO t VALUES (2, 'y');\r",
         [(1, "x"), (2, "y")]),
    case("tabs and form feeds", "\tINSERT\tINTO\ft\tVALUES\f(1,\t'\t');\f", [(1, "\t")]),
    case("no last newline", "INSERT INTO t VALUES (1, 'x');", [(1, "x")]),
    case("no last semicolon", "INSERT INTO t VALUES (1, 'x')", [(1, "x")]),
    case("a comment behind, never ended by a newline", "INSERT INTO t VALUES (1, 'x'); -- done", [(1, "x")]),
    case("a comment that stands for the semicolon", "INSERT INTO t VALUES (1, 'x') -- ;", [(1, "x")]),
    case("nested comments", "/* a /* b; */ 'c */ INSERT INTO t VALUES (1, /* ; /**/ */ 'x');", [(1, "x")]),
    case("empty statements", ";;INSERT INTO t VALUES (1, 'x');;\n;", [(1, "x")]),
    case("dollar quotes", "INSERT INTO t VALUES (1, $$a;'b$$), (2, $é$$$;$é$);", [(1, "a;'b"), (2, "$$;")]),
    case("a dollar sign within a name", "CREATE TABLE a$b$ (x int); INSERT INTO t VALUES (1, 'b$'); DROP TABLE a$b$;",
         [(1, "b$")]),
    case("escape strings", r"INSERT INTO t VALUES (1, E'it\'s; \\'), (2, e'\u00e9;''');",
         [(1, "it's; \\"), (2, "é;'")]),
    case("backslashes in plain strings", r"INSERT INTO t VALUES (1, '\'), (2, ';\');", [(1, "\\"), (2, ";\\")]),
    case("strings that go on on the next line", "INSERT INTO t VALUES (1, 'a'\n  'b;'), (2, E'\\''\n'\\';');",
         [(1, "ab;"), (2, "'';")]),
    case("standard_conforming_strings on", "SET standard_conforming_strings = on;\nINSERT INTO t VALUES (1, '\\');",
         [(1, "\\")]),
    case("unicode strings and names", "CREATE VIEW v AS SELECT 1 AS U&\"d\\0061;\", 2 AS U&\"d!0061\" UESCAPE '!';\n"
         "INSERT INTO t SELECT \"da;\", U&'d\\0061;' FROM v;", [(1, "da;")]),
    case("quoted names", 'CREATE TABLE "a;""b" ("c;" int); INSERT INTO t VALUES (1, $$x$$); DROP TABLE "a;""b";',
         [(1, "x")]),
    case("operators of # and @", "INSERT INTO t SELECT 5 # 3, '[\";\"]'::jsonb #>> '{0}' WHERE @ -5 = 5 "
         "AND '{1}'::int[] @> '{1}' AND 1 - -1 = 2 AND 4/*;*//2 = 2;", [(6, ";")]),
    case("BEGIN ATOMIC", "CREATE PROCEDURE p(n int) BEGIN ATOMIC INSERT INTO t VALUES (n, ';');\n"
         "SELECT CASE WHEN true THEN 1 END; END; CALL p(1);", [(1, ";")]),
    case("BEGIN in a function's body", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$\nBEGIN\n"
         "  INSERT INTO t VALUES (1, 'x;');\nEND;\n$f$;\nSELECT f();", [(1, "x;")]),
    case("a rule with a list", "CREATE TABLE u (a int);\nCREATE RULE r AS ON INSERT TO u WHERE NEW.a = 1\n"
         "DO ALSO (INSERT INTO t VALUES (2, ';'); INSERT INTO t VALUES (3, ')'););\nINSERT INTO u VALUES (1);",
         [(2, ";"), (3, ")")]),
    case("DO in single quotes", "DO 'BEGIN INSERT INTO t VALUES (1, ''x;''); END';", [(1, "x;")]),
    case("text beyond the BMP", "INSERT INTO t VALUES (1, '😀;日本');", [(1, "😀;日本")]),
    case("per cent signs, braces and question marks", "INSERT INTO t VALUES (1, '%s {x} ? :a $1');",
         [(1, "%s {x} ? :a $1")]),
    case("savepoints", "SAVEPOINT s; INSERT INTO t VALUES (1, 'x'); ROLLBACK TO s; INSERT INTO t VALUES (2, 'y');",
         [(2, "y")]),
    case("COPY as text", copy("1\tit's;\n2\t\\N\n3\ta\\tb\\\\\\nc\n4\t\n"),
         [(1, "it's;"), (2, None), (3, "a\tb\\\nc"), (4, "")]),
    case("COPY as csv", copy("a,b\n1,\"x,\"\"y\n\"\n2,\n", "COPY t FROM STDIN WITH (FORMAT csv, HEADER);\n"),
         [(1, 'x,"y\n'), (2, None)]),
    case("COPY with old options", copy("1|null\n2|y\n", "copy t from stdin delimiter '|' null 'null';\n"),
         [(1, None), (2, "y")]),
    case("COPY of quoted names", 'CREATE TABLE "odd; name" (id int, "from stdin;" text);\n'
         + copy("1\tx\n", 'COPY public."odd; name" (id, "from stdin;") FROM stdin; -- é\n')
         + 'INSERT INTO t TABLE "odd; name";', [(1, "x")]),
    case("COPY with WHERE", copy("1\tx\n2\ty\n", "COPY t FROM stdin\nWHERE a > 1;\n"), [(2, "y")]),
    case("COPY without a row", copy("") + "INSERT INTO t VALUES (1, 'x');", [(1, "x")]),
    case("several COPYs", copy("1\tx\n") + copy("") + "SELECT 1;\n" + copy("2\ty\n"), [(1, "x"), (2, "y")]),
    case("COPY in CRLF", copy("1\tx\n2\ty\n").replace("\n", "\r\n") + "INSERT INTO t VALUES (3, 'z')",
         [(1, "x"), (2, "y"), (3, "z")]),
    case("COPY to the end of the file", "COPY t FROM stdin;\n1\tx\n2\ty", [(1, "x"), (2, "y")]),
    case("COPY without anything behind it", "COPY t FROM stdin", []),
    case("data that look like statements", copy("1\tCOMMIT;\n2\t/* \\\\connect $$ -- '\n"),
         [(1, "COMMIT;"), (2, "/* \\connect $$ -- '")]),
    case("data that look like the end", copy("1\t\\\\.\n2\ta\\\\.\n"), [(1, "\\."), (2, "a\\.")]),
    case("data with a NUL's name", copy("1\t\\x41\n"), [(1, "A")]),
    case("the table is made in front of its COPY", "CREATE TABLE u (a int);" + copy("1\n", "COPY u FROM stdin;\n")
         + "INSERT INTO t SELECT a, 'x' FROM u;", [(1, "x")]),
    case("COPY to stdout is dropped", "COPY t TO stdout; COPY (SELECT 1 FROM t) TO STDOUT;\n"
         "INSERT INTO t VALUES (1, 'x');", [(1, "x")]),
    case("a prepared COPY in words only", "PREPARE stdin AS SELECT 1; EXECUTE stdin; DEALLOCATE stdin;"
         "INSERT INTO t VALUES (1, 'FROM stdin');", [(1, "FROM stdin")]),
    case("the key of a dump", "\\restrict aB1\n\nINSERT INTO t VALUES (1, 'x');\n\n\\unrestrict aB1\n\n", [(1, "x")]),
    case("the emptied search_path of a dump", "SELECT pg_catalog.set_config('search_path', '', false);\n"
         "INSERT INTO public.t VALUES (1, 'x');\n" + copy("2\ty\n", "COPY public.t (a, b) FROM stdin;\n"),
         [(1, "x"), (2, "y")]),
    case("SQL_ASCII, as dumps of such databases say", "SET client_encoding = 'SQL_ASCII';\n" + copy("1\té\n")
         + "INSERT INTO t VALUES (2, 'é');", [(1, "é"), (2, "é")]),
    case("psql's settings", "\\set ON_ERROR_STOP on\n\\set ECHO 'all'\n\\timing on\n\\pset pager off\n"
         "INSERT INTO t VALUES (1, 'x'); \\echo done: 1\n\\encoding UTF8\nINSERT INTO t VALUES (2, '\\set x');\n",
         [(1, "x"), (2, "\\set x")]),
    case("BEGIN and COMMIT around all of it", "-- Why\nBEGIN;\nINSERT INTO t VALUES (1, 'BEGIN;');\nCOMMIT; -- done\n",
         [(1, "BEGIN;")]),
    case("START TRANSACTION and END around it", "start transaction;INSERT INTO t VALUES (1, 'x');;END TRANSACTION",
         [(1, "x")]),
    case("BEGIN and COMMIT around many pieces", "BEGIN WORK;" + FILLING + "INSERT INTO t VALUES (1, 'x');" + FILLING
         + copy("2\ty\n") + "commit work;\n", [(1, "x"), (2, "y")]),
    case("BEGIN and COMMIT of a dump", "\\restrict k\nBEGIN;\n" + copy("1\tx\n") + "COMMIT;\n\\unrestrict k\n",
         [(1, "x")]),
    case("settings in front of BEGIN", "\\unset ECHO\n\\set ON_ERROR_STOP 1\nSET search_path = public;\nBEGIN;\n"
         "INSERT INTO t VALUES (1, 'x');\nCOMMIT;\n", [(1, "x")]),
    case("nothing but BEGIN and COMMIT", "BEGIN;\nCOMMIT;\n", []),
    case("nothing but a comment", "-- 004 was withdrawn, see 005\n/* and\nmore */\n", []),
    case("many pieces", FILLING + "INSERT INTO t VALUES (1, 'x');\n" + FILLING + copy("2\ty\n") + FILLING,
         [(1, "x"), (2, "y")]),
    case("now() is one instant in all pieces", "INSERT INTO t VALUES (1, now()::text);\n" + FILLING
         + "DELETE FROM t WHERE b = now()::text;", []),
    case("many notices", "DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE 'é %', i; END LOOP; END $$;"
         "INSERT INTO t VALUES (1, 'x');", [(1, "x")]),
    case("notices in the middle of COPY", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN\n"
         "RAISE NOTICE '%', repeat('x', 1000); RETURN NULL; END$$;\n"
         "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();\n"
         + copy("".join(f"{n}\tx\n" for n in range(5000))) + "DROP TRIGGER g ON t; INSERT INTO t VALUES (1, 'x');",
         [(1, "x")]),
]  # fmt: skip

#: the file, and what is said of it before anything runs
REFUSED = [
    case("BEGIN and COMMIT around half of it", "BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;\n",
         f"1:1: BEGIN {OWN_TRANSACTION}\n<path>:3:1: COMMIT {OWN_TRANSACTION}"),
    case("SET LOCAL in front of BEGIN, where it would have no effect", "SET LOCAL search_path = x;\nBEGIN;\nCOMMIT;\n",
         f"2:1: BEGIN {OWN_TRANSACTION}\nmigrations/007_x.sql:3:1: COMMIT {OWN_TRANSACTION}"),
    case("BEGIN without COMMIT", "BEGIN;\nSELECT 1;\n", f"1:1: BEGIN {OWN_TRANSACTION}"),
    case("psql's variable", "\\set who bob\nSELECT 1;", f"1:1: \\set {PSQL}"),
    case("psql's other savepoints", "\\set ON_ERROR_ROLLBACK on\nSELECT 1;", f"1:1: \\set {PSQL}"),
    case("\\echo that ends psql", "\\echo Use CREATE EXTENSION \\quit\nSELECT 1;", f"1:1: \\echo {PSQL}"),
    case("another encoding of psql's", "\\encoding LATIN1\nSELECT 1;", f"1:1: \\encoding {PSQL}"),
    case("UTF-16", "SELECT 'é';\n".encode("utf-16"), UTF16),
    case("UTF-16, the other way round", "\ufeffSELECT 'é';".encode("utf-16-be"), UTF16),
    case("UTF-16 without its mark", "SELECT 1;".encode("utf-16-le"), UTF16),
    case("Latin-1 behind multi-byte text", "-- é\nSELECT 'é', 'caf".encode() + b"\xe9'",
         "2:17: byte 0xe9 is not UTF-8; save the file as UTF-8."),
    case("Latin-1 in the data of COPY", b"COPY t FROM stdin;\n1\tx\n2\tcaf\xe9\n\\.\n",
         "3:6: byte 0xe9 is not UTF-8; save the file as UTF-8."),
    case("a surrogate", b"SELECT '\xed\xa0\x80'", "1:9: byte 0xed is not UTF-8; save the file as UTF-8."),
    case("half a character at the end", b"SELECT 1; -- \xe2\x82",
         "1:14: byte 0xe2 is not UTF-8; save the file as UTF-8."),
    case("Latin-1 in the second megabyte", FILLING.encode() + b"SELECT '\xe9'",
         "60001:9: byte 0xe9 is not UTF-8; save the file as UTF-8."),
    case("NUL in the data of COPY", "COPY t FROM stdin;\n1\té\0\n\\.\n",
         "2:4: PostgreSQL would read no further than this NUL byte; remove it."),
    case("only the key of a dump", "\\restrict x\n\n\\unrestrict x\n",
         "1:1: the file holds no statement: write one, or take it away, `rm migrations/007_x.sql`."),
    case("\\connect as somebody else", "\\connect other bob\nSELECT 1;", f"1:1: \\connect {PSQL}"),
    case("\\i", "SELECT 1;\n\\i other.sql\n", f"2:1: \\i {PSQL}"),
    case("\\set", "SELECT 'é'; \\set x 1\n", f"1:13: \\set {PSQL}"),
    case("\\gexec", "SELECT 'é'\n\\gexec\n", f"2:1: \\gexec {PSQL}"),
    case("\\copy", "\\copy t from 'x.csv' csv\n", f"1:1: \\copy {PSQL}"),
    case("\\if", "\\if true\nSELECT 1;\n\\endif\n", f"1:1: \\if {PSQL}"),
    case("\\. where no data are", "SELECT 1;\n\\.\n", f"2:1: {NONE_BEGUN}"),
    case("\\. once more", copy("1\tx\n") + "\\.\n", f"4:1: {NONE_BEGUN}"),
    case("COPY with a parenthesis that is never closed", copy("1\n", "COPY t (a FROM stdin;\n"), f"3:1: {NONE_BEGUN}"),
    case("\\connect behind data", copy("1\tx\n") + "\\connect x\n", f"4:1: \\connect x {CONNECT}"),
    case("\\connect in the second megabyte", FILLING + "\\c x\n", f"60001:1: \\c x {CONNECT}"),
    case("\\restrict in the middle of a statement", "SELECT 1\n\\restrict x\n;", f"2:1: \\restrict {PSQL}"),
    case("a statement on the line of COPY", "COPY t FROM stdin; SELECT 1;\n1\tx\n\\.\n", f"1:19: {NEXT_LINE}"),
    case("a comment on the line of COPY", "COPY t FROM stdin; /* é */\n1\tx\n\\.\n", f"1:19: {NEXT_LINE}"),
    case("COPY in lines of CR", "COPY t FROM stdin;\r1\tx\r\\.\r", f"1:19: {NEXT_LINE}"),
    case("COMMIT behind data", copy("1\tCOMMIT;\n") + " COMMIT;", f"4:2: COMMIT {OWN_TRANSACTION}"),
    case("COMMIT in the second megabyte", FILLING + "COMMIT;", f"60001:1: COMMIT {OWN_TRANSACTION}"),
    case("COMMIT behind a comment's end", "/* é\n/* */ */COMMIT;", f"2:9: COMMIT {OWN_TRANSACTION}"),
    case("COMMIT PREPARED", "SELECT 1;COMMIT PREPARED 'x'", f"1:10: COMMIT PREPARED {OWN_TRANSACTION}"),
    case("commit, in small letters and pieces", "SELECT 1;\ncommit -- é\n and chain;",
         f"2:1: COMMIT {OWN_TRANSACTION}"),
    case("an unclosed string behind data", copy("1\tit's\n") + "SELECT 'é;\n", "4:8: this string is never closed."),
    case("an unclosed unicode name", "SELECT 1 AS U&\"d\\0061;", "1:15: this quoted name is never closed."),
    case("an unclosed dollar quote in a dump", copy("1\t$$\n") + "DO $é$ BEGIN END $$;",
         "4:4: this dollar-quoted string is never closed."),
    case("a comment that opens twice", "SELECT 1;\n  /* /* é */\nSELECT 2;\n",
         "2:3: this comment (they nest: each /* needs a */ of its own) is never closed."),
    case("standard_conforming_strings off", "SELECT 1;\n SET standard_conforming_strings TO off;\n", f"2:2: {STRINGS}"),
    case("standard_conforming_strings off, far down", FILLING + "SET LOCAL standard_conforming_strings='off';",
         f"60001:1: {STRINGS}"),
    case("a dump in another encoding", "SET client_encoding = 'LATIN1';\n" + copy("1\tx\n"), f"1:1: {ENCODING}"),
    case("SET NAMES", "SELECT 1;\nset names 'win1252';", f"2:1: {ENCODING}"),
]  # fmt: skip

#: the file, and what PostgreSQL says of it
FAILS = [
    case("the first statement", "SELECT 1 / 0;\n" + FILLING, "1:1: division by zero."),
    case("a statement of the first piece, with a position", "SELECT nope;\n" + FILLING,
         '1:8: column "nope" does not exist.'),
    case("the last statement of many pieces", FILLING + "SELECT 'é', nope;", '60001:13: column "nope" does not exist.'),
    case("the last statement of many pieces, when it runs", FILLING + "SELECT 'é'; SELECT 1 / 0",
         "60001:13: division by zero."),
    case("a piece that begins in the middle of a line", FILLING.replace("\n", " ") + "\n SELECT 1 / 0;",
         "2:2: division by zero."),
    case("one line of many pieces", FILLING.replace("\n", " ") + "SELECT nope;",
         f'1:{len(FILLING) + 8}: column "nope" does not exist.'),
    case("syntax in a later piece", FILLING + "SELECT 'é' FROM FROM;", '60001:17: syntax error at or near "FROM".'),
    case("the end of many pieces", FILLING + "CREATE TABLE", "60001:13: syntax error at end of input."),
    case("DO in a later piece", FILLING + "DO $$\nBEGIN\n  PERFORM 1;\n\tRAISE EXCEPTION 'é no';\nEND $$;",
         "60004:2: é no."),
    case("DO whose body spells its line ends, later", FILLING + "DO E'BEGIN\\n\\n\\n PERFORM 1 / 0;\\nEND';",
         "60001:1: division by zero."),
    case("a function's body in a later piece", FILLING
         + "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n SELECT 'é', nope;\n$$;",
         '60002:14: column "nope" does not exist.'),
    case("at commit, in a later piece", FILLING
         + "CREATE TABLE c (a int REFERENCES t DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (5);\n-- end\n",
         '60002:26: at commit: insert or update on table "c" violates foreign key constraint "c_a_fkey". Key (a)=(5) '
         'is not present in table "t".'),
    case("at commit, behind data", "CREATE TABLE c (a int REFERENCES t DEFERRABLE INITIALLY DEFERRED);\n"
         + copy("5\n", "COPY c FROM stdin;\n"),
         '2:19: at commit: insert or update on table "c" violates foreign key constraint "c_a_fkey". Key (a)=(5) is '
         'not present in table "t".'),
    case("a wrong value in COPY", "-- é\n" + copy("1\tx\n2\ty\nthree\tz\n"),
         '5:1: invalid input syntax for type integer: "three".'),
    case("a wrong value in a later column", "CREATE TABLE u (x text, \"é, y\" int, z int);\n"
         + copy("a\t1\t2\né😀\té\t2\n", 'COPY u (x, "é, y", z) FROM stdin;\n'),
         '4:4: invalid input syntax for type integer: "é".'),
    case("a wrong value in a column whose name begins as another's", 'CREATE TABLE u (b text, "b c" int);\n'
         + copy("é\té\n", 'COPY u (b, "b c") FROM stdin;\n'), '3:3: invalid input syntax for type integer: "é".'),
    case("a wrong value in a large file", FILLING + copy("1\tx\n2\ty\n")
         + "CREATE TABLE u (x text, y int);\n" + copy("é\t1\né\té\n", "COPY u (x, y) FROM stdin;\n"),
         '60008:3: invalid input syntax for type integer: "é".'),
    case("a wrong value without a list of columns", copy("1\tx\nzwei\ty\n", "COPY t FROM stdin;\n"),
         '3:1: invalid input syntax for type integer: "zwei".'),
    case("too few columns", "SELECT 1;\n" + copy("1\tx\n2\n"), '4:1: missing data for column "b".'),
    case("too many columns", copy("1\tx\n2\ty\tz\n"), "3:1: extra data after last expected column."),
    case("a duplicate within the data", copy("".join(f"{n}\té\n" for n in (*range(2000), 7))),
         '2002:1: duplicate key value violates unique constraint "t_pkey". Key (a)=(7) already exists.'),
    case("a duplicate of what was there", "INSERT INTO t VALUES (2, 'x');\n" + copy("1\tx\n2\ty\n3\tz\n"),
         '4:1: duplicate key value violates unique constraint "t_pkey". Key (a)=(2) already exists.'),
    case("NULL where none may be", copy("1\tx\n\\N\ty\n"),
         '3:1: null value in column "a" of relation "t" violates not-null constraint. Failing row contains (null, y).'),
    case("a check", "ALTER TABLE t ADD CHECK (b <> 'é');\n" + copy("1\tx\n2\té\n"),
         '4:1: new row for relation "t" violates check constraint "t_b_check". Failing row contains (2, é).'),
    case("a quote in csv", copy('1,"x\n2,y\n', "COPY t FROM stdin (FORMAT csv);\n"),
         "2:1: unterminated CSV quoted field."),
    case("a line of csv", copy("a,b\n1,x\n\n2,x,y\n", "COPY t FROM stdin CSV HEADER;\n"),
         '4:1: missing data for column "b".'),
    case("mixed line ends", copy("1\tx\r\n2\ty\n"),
         '3:1: literal newline found in data. Use "\\n" to represent newline.'),
    case("a corrupt end", "COPY t FROM stdin;\n1\tx\n\\. \nSELECT 1;\n",
         "3:1: end-of-copy marker is not alone on its line."),
    case("a foreign key of the data", "CREATE TABLE c (a int REFERENCES t);\n" + copy("5\n", "COPY c FROM stdin;\n"),
         '2:1: insert or update on table "c" violates foreign key constraint "c_a_fkey". Key (a)=(5) is not present in '
         'table "t".'),
    case("a trigger on the data", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n"
         "  IF NEW.a = 2 THEN RAISE EXCEPTION 'é no'; END IF;\n  RETURN NEW;\nEND$$;\n"
         "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();\n" + copy("1\tx\n2\ty\n"),
         "9:1: é no."),
    case("COPY into nowhere", "SELECT 1;\n" + copy("1\n", "COPY nowhere FROM stdin;\n"),
         '2:1: relation "nowhere" does not exist.'),
    case("COPY of a column that is not there", "SELECT 1;\n" + copy("1\n", "COPY t (nope) FROM stdin;\n"),
         '2:1: column "nope" of relation "t" does not exist.'),
    case("syntax in COPY", copy("1\n", "COPY t (a) (b) FROM stdin;\n"), '1:12: syntax error at or near "(".'),
    case("behind the data of COPY", copy("1\tx\n2\ty\n") + "\nSELECT 'é', nope;",
         '6:13: column "nope" does not exist.'),
    case("behind the data of COPY, when it runs", copy("1\tx\n") + "SELECT 1; SELECT 1 / 0;",
         "4:11: division by zero."),
    case("a missing \\.", "COPY t FROM stdin;\n1\tx\nSELECT 1;\n",
         '3:1: invalid input syntax for type integer: "SELECT 1;".'),
    case("data for a function's COPY", "DO $$ BEGIN EXECUTE 'COPY t FROM stdin'; END $$;",
         "1:1: cannot COPY to/from client in PL/pgSQL."),
    case("strings turned by a function", "SELECT set_config('standard_conforming_strings', 'off', false);\n"
         + copy("1\tx\n") + "\nSELECT '\\';",
         "6:1: the file has changed standard_conforming_strings, and would be misread from here on; "
         "remove that change."),
]  # fmt: skip


@pytest.fixture(scope="module")
def prepared(server: local.Server) -> Iterator[str]:
    """A database with 001 in it; nothing that asks for it may change it."""
    with fresh_database(server) as address:
        yield address


def migrate_first(sqlrail: Sqlrail, url: str) -> dict[str, str]:
    env = {"DATABASE_URL": url}
    put({"migrations/001_t.sql": FIRST})
    assert sqlrail("migrate", env=env).code == 0
    return env


@pytest.mark.parametrize(("content", "rows"), WORKS)
def test_a_file_from_anywhere_works(
    content: str | bytes, rows: list[tuple[object, ...]], sqlrail: Sqlrail, database: str
) -> None:
    env = migrate_first(sqlrail, database)
    put({"migrations/002_x.sql": content, "migrations/003_next.sql": "CREATE TABLE next (a int);"})
    outcome = sqlrail("migrate", env=env)
    assert outcome.code == 0, outcome.err
    assert all(line.startswith("migrations/002_x.sql:") for line in outcome.err.splitlines())
    assert query(database, ROWS) == rows
    assert query(database, "SELECT to_regclass('public.next') IS NOT NULL") == [(True,)]
    assert sqlrail("status", "--check", env=env).code == 0


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_a_file_that_cannot_be_sent_is_refused_before_anything_runs(
    content: str | bytes, message: str, sqlrail: Sqlrail, prepared: str
) -> None:
    env = migrate_first(sqlrail, prepared)
    before = catalog(prepared)
    put({"migrations/002_ok.sql": "CREATE TABLE ok ();", "migrations/007_x.sql": content})
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"migrations/007_x.sql:{message}\n".replace("<path>", "migrations/007_x.sql")
    assert catalog(prepared) == before


@pytest.mark.parametrize(("content", "message"), FAILS)
def test_a_file_that_fails_says_where_and_leaves_nothing(
    content: str | bytes, message: str, sqlrail: Sqlrail, prepared: str
) -> None:
    env = migrate_first(sqlrail, prepared)
    before = catalog(prepared)
    put({"migrations/007_x.sql": content})
    outcome = sqlrail("migrate", env=env)
    assert (outcome.code, outcome.out) == (1, "")
    tail = " Rows without a parent can be archived" if "foreign key" in message else "\n"
    assert outcome.err.startswith(f"migrations/007_x.sql:{message} Nothing of 007_x was kept.{tail}")
    line, column = map(int, message.split(":")[:2])
    place = {"path": "migrations/007_x.sql", "line": line, "column": column}
    assert sqlrail("migrate", "--json", env=env).error["place"] == place
    assert catalog(prepared) == before
    assert query(prepared, ROWS) == []
    assert query(prepared, "SELECT count(*) FROM _yoyo_migration") == [(1,)]


@pytest.mark.parametrize(
    "context",
    [
        'COPY t, line 2, column b: "x"',
        "COPY t, Zeile 2, Spalte b: »x«",
        "COPY t, ligne 2, colonne b : « x »",
        'tのCOPY、行 2、列 b: "x"',
        'COPY t, 第 2 行, 列 b: "x"',
        'SQL statement "SELECT 1"\nPL/pgSQL function f() line 7 at RAISE\nCOPY t, line 2, column b: null input',
    ],
)
def test_where_the_data_are_wrong_is_read_in_any_language(context: str, tmp_path: Path) -> None:
    """The words of PostgreSQL's own translations, which not every server has."""
    put({"001_x.sql": copy("1\té\n22\té\n")}, tmp_path)
    file = read_files(tmp_path)[1]["001_x"]
    piece = next(file.pieces())
    found = explain._find_in_data(file, piece, piece.statements[0], context)
    assert found == ((3, 4) if "第" not in context else (3, 1))

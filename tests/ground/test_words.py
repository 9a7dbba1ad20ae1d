"""What is printed: passwords hidden where they stand and nowhere else, and nothing that commands a terminal or a CI."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest
from aftermath import write
from conftest import run
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from sqlrail.cli.talk import print_result
from sqlrail.errors import Refused
from sqlrail.ground.words import counted, in_json, masked, printable, visible

#: a mark as somebody's data might hold it: an escape code that would blot out a line, a line of their own, and a
#: command of a CI; U+202E turns the direction of what follows
MARK = "\x1b[2K\r\n::error::mark\n##[group]mark \u202emark"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgresql://app:users@db/users", "postgresql://app:***@db/users"),
        ("to postgres://app:p@ss/w:rd@db:5432/app now", "to postgres://app:***@db:5432/app now"),
        ("postgresql://db/app?password=users&user=users", "postgresql://db/app?password=***&user=users"),
        ("host=db password=users user=users", "host=db password=*** user=users"),
        ("host=db password = 'it\\'s users' user=users", "host=db password = *** user=users"),
        ("sslpassword=1 and PGPASSWORD=1 in 1 row", "sslpassword=*** and PGPASSWORD=*** in 1 row"),
        ("password: users", "password: ***"),
        ('{"password": "the users", "rows": 1}', '{"password": ***, "rows": 1}'),
        ("{'password' : 'users', 'user': 'users'}", "{'password' : ***, 'user': 'users'}"),
        ("host: db, password: users, user: users", "host: db, password: ***, user: users"),
        ("sslpassword='the users of", "sslpassword=***"),
        ("sslpassword='the users of\nthe users", "sslpassword=***\nthe users"),
        ("DB_PASSWORD=us'ers users", "DB_PASSWORD=*** users"),
        ("(host=users password=users)", "(host=users password=***)"),
        ("CREATE ROLE users PASSWORD 'the users' LOGIN", "CREATE ROLE users PASSWORD *** LOGIN"),
        ("to postgres://app:the users@db:5432/users now", "to postgres://app:***@db:5432/users now"),
        ("http://users:5432/x for users@example.org", "http://users:5432/x for users@example.org"),
        ("password: it is that of users", "password: it is that of users"),
        ("users.password::text, password text", "users.password::text, password text"),
        (
            'password authentication failed for user "users"',
            'password authentication failed for user "users"',
        ),
        ("relation users.users of users, 1 row", "relation users.users of users, 1 row"),
    ],
)
def test_a_password_is_hidden_where_it_stands_and_nowhere_else(text: str, left: str) -> None:
    assert masked(text, ["users", "1", "postgres", "app"]) == left
    assert masked(left, ["users"]) == left


#: what passwords are of, and what may stand around them
LETTERS = st.text("abAB019_-.!$%^*+~#?<>|é ", min_size=1).map(lambda text: f"x{text}y")
WORDS = st.lists(
    st.sampled_from(
        ["password", "for", '"users"', "1", "users.sql:1:1:", "a=b", "host:5432", "(users)", "failed"]
    )
).map(" ".join)
STANDS = {
    "libpq": ("password='{}' ", "password=*** "),
    "libpq, unclosed": ("sslpassword='{}\n", "sslpassword=***\n"),
    "URL": ("postgres://app:{}@db:5432/app ", "postgres://app:***@db:5432/app "),
    "JSON": ('{{"password": "{}"}} ', '{{"password": ***}} '),
    "Python": ("{{'password': '{}'}} ", "{{'password': ***}} "),
    "SQL": ("ALTER ROLE app PASSWORD '{}' LOGIN ", "ALTER ROLE app PASSWORD *** LOGIN "),
}


@pytest.mark.parametrize(("form", "left"), [*STANDS.values()], ids=[*STANDS])
@given(before=WORDS, secret=LETTERS, after=WORDS)
def test_of_what_stands_around_a_password_nothing_goes(
    form: str, left: str, before: str, secret: str, after: str
) -> None:
    shown = masked(f"{before} {form.format(secret)}{after}")
    assert shown == f"{before} {left.format()}{after}"
    assert masked(shown) == shown


@pytest.mark.parametrize("form", ["password: {}", "password={}", "PGPASSWORD={}", "db_password: {}"])
@given(before=WORDS, secret=LETTERS.map(lambda text: text.replace(" ", "'")))
def test_a_password_without_quotes_is_hidden_to_its_end(form: str, before: str, secret: str) -> None:
    assert masked(f"{before} {form.format(secret)}\n{before}") == f"{before} {form.format('***')}\n{before}"


@given(WORDS)
def test_text_without_a_password_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


@given(
    st.lists(
        st.sampled_from(["password", "=", ":", " ", "'", '"', "x", "@", "://u:", "\\", "\n", "***", "E"])
    )
)
def test_what_is_hidden_stays_hidden(parts: list[str]) -> None:
    shown = masked("".join(parts))
    assert masked(shown) == shown


@pytest.mark.parametrize("secret", ["Wrong-but-secret", "c0ffee254729296a45a3885639ac7e10", "p4ss w0rd!"])
def test_what_looks_like_nothing_but_a_password_is_hidden_everywhere(secret: str) -> None:
    assert masked(f"no host {secret} is known", [secret]) == "no host *** is known"


@pytest.mark.parametrize(
    "word", ["users", "postgres", "001_users", "a_long_name_user_id_fkey", "Order", "12345678"]
)
def test_a_word_is_hidden_nowhere_else(word: str) -> None:
    assert masked(f"{word}.sql:1:1: {word}", [word]) == f"{word}.sql:1:1: {word}"


def test_a_password_that_is_a_table_s_name_blots_out_no_message(database: str, tmp_path: Path) -> None:
    files = write(
        tmp_path / "files", **{"001_users": "CREATE TABLE users (id int);\nSELECT 1 / 0 FROM nowhere.users"}
    )
    url = f"{database}&password=users"
    done = run("migrate", "--migrations", files, env={"DATABASE_URL": url, "APP_ENV": "test"})
    assert f'{files}/001_users.sql:2:19: relation "nowhere.users" does not exist' in done.stderr.replace(
        "\\", ""
    )
    assert "***" not in done.stderr
    assert "password=users" not in done.stderr


@given(st.text())
def test_what_is_visible_has_lines_and_tabs_and_else_nothing_that_moves_a_cursor(text: str) -> None:
    shown = visible(text)
    assert all(it.isprintable() or it in "\n\t" for it in shown)
    assert not any(line.lstrip().startswith("::") for line in shown.split("\n"))
    assert "##[" not in shown
    assert printable(text).isprintable()


def test_an_error_s_line_stays_one() -> None:
    assert str(Refused(f"no {MARK}", "nothing was changed")).count("\n") == 1


def lines_of_a_ci(text: str) -> list[str]:
    """What a terminal or a CI would take for more than text."""
    return [line for line in text.split("\n") if line.lstrip().startswith("::") or not line.isprintable()]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DO $$BEGIN RAISE USING message = {mark}, detail = {mark}, hint = {mark}; END$$", id="a RAISE"),
        pytest.param("DO $$BEGIN RAISE WARNING USING message = {mark}; END$$; SELECT 1/0", id="a warning"),
        pytest.param("CREATE TABLE t (v text UNIQUE); INSERT INTO t VALUES ({mark}), ({mark})", id="a value"),
        pytest.param("SELECT * FROM {name}", id="a relation's name"),
        pytest.param("SET ROLE {name}", id="a role's name"),
    ],
)  # fmt: skip
def test_no_byte_of_data_reaches_a_log_raw(database: str, tmp_path: Path, statement: str) -> None:
    with psycopg.connect(database) as connection:
        parts = {"mark": sql.Literal(MARK), "name": sql.Identifier(MARK)}
        text = sql.SQL(statement).format(**parts).as_string(connection)
    files = write(tmp_path / "files", **{"001_a": text})
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    done = run("migrate", "--migrations", files, env=env)
    assert done.returncode == 1
    assert "mark" in done.stderr
    assert lines_of_a_ci(done.stdout + done.stderr) == []
    document = run("--json", "migrate", "--migrations", files, env=env)
    assert "mark" in json.loads(document.stdout)["error"]["message"] + document.stderr
    assert lines_of_a_ci(document.stdout + document.stderr) == []


@given(st.text(st.sampled_from("#[]a\\")))
def test_a_document_for_a_ci_s_log_says_the_same(text: str) -> None:
    shown = in_json(json.dumps([text]))
    assert not re.search(r"##\w*\[", shown)
    assert json.loads(shown) == [text]


def test_a_result_as_a_document_commands_no_ci(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"statement": 'DROP TABLE "##[group]mark"'})
    printed = capsys.readouterr().out
    assert "##[" not in printed
    assert json.loads(printed) == {"statement": 'DROP TABLE "##[group]mark"'}


def test_names_in_the_live_database_reach_no_log_raw(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for template in (
            "CREATE TABLE {name} (id int PRIMARY KEY, {name} int UNIQUE, CONSTRAINT {second} UNIQUE ({name}))",
            "CREATE TABLE child ({name} int)",
            "ALTER TABLE child ADD CONSTRAINT {name} FOREIGN KEY ({name}) REFERENCES {name} NOT VALID",
            "COMMENT ON TABLE {name} IS {mark}",
        ):
            parts = {
                "name": sql.Identifier(MARK),
                "second": sql.Identifier(f"2{MARK}"),
                "mark": sql.Literal(MARK),
            }
            connection.execute(sql.SQL(template).format(**parts))
    files = write(tmp_path / "files", **{"001_a": "SELECT 1"})
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    assert run("migrate", "--migrations", files, env=env).returncode == 0
    for verb in (
        ["status"],
        ["drift"],
        ["doctor"],
        ["cleanup", "--dry-run"],
        ["cleanup", "--all", "--dry-run"],
    ):
        done = run(*verb, "--migrations", files, env=env)
        assert done.returncode in (0, 3), done.stderr
        assert lines_of_a_ci(done.stdout + done.stderr) == [], verb
    done = run("doctor", "--write", "--migrations", files, env=env)
    assert done.returncode == 0, done.stderr
    made = [path.read_text().split("\n") for path in files.glob("00[2-9]*.sql")]
    comments = [line for lines in made for line in lines if line.startswith("--")]
    assert any("mark" in line for line in comments)
    assert lines_of_a_ci("\n".join(comments)) == []


def test_a_file_s_name_reaches_no_log_raw(database: str, tmp_path: Path) -> None:
    files = write(tmp_path / "files", **{"001_a": "SELECT 1"})
    (files / f"002_{MARK.replace('/', '')}.sql").write_text("SELECT 1/0")
    (files / f"{MARK}.sql").write_text("SELECT 1")
    env = {"DATABASE_URL": database, "APP_ENV": "test"}
    for verb in (["status"], ["migrate"], ["plan"]):
        done = run(*verb, "--migrations", files, env=env)
        assert "mark" in done.stdout + done.stderr
        assert lines_of_a_ci(done.stdout + done.stderr) == [], verb


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ["row"], "0 rows"),
        (1, ["row"], "1 row"),
        (1000, ["row"], "1,000 rows"),
        (1, ["key is", "keys are"], "1 key is"),
        (2, ["key is", "keys are"], "2 keys are"),
    ],
)
def test_a_number_stands_with_what_it_counts(number: int, words: list[str], text: str) -> None:
    assert counted(number, *words) == text

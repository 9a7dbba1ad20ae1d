"""What pending files would lose of the live rows: how many, by what, and that a file may say it is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from aftermath import attempt, write
from conftest import Servers, fresh_database, majors, query
from console import Outcome, Sqlrail, sqlrail
from listeners import Heard

from sqlrail.errors import MigrationFailed
from sqlrail.files.file import File
from sqlrail.files.folder import read_files
from sqlrail.foresight.judged import Loss
from sqlrail.foresight.losses import Losses
from sqlrail.foresight.trial import Consent
from sqlrail.ground.loses import Loses
from sqlrail.ground.settings import Settings
from sqlrail.scratch import rehearsal
from sqlrail.scratch.built import built
from sqlrail.scratch.scene import ReachesOut, Scene
from sqlrail.verbs.plan import plan

__all__ = ["sqlrail"]  # the fixture

SCHEMA = """
CREATE SCHEMA old;
CREATE TABLE old.logs (id int, said text);
CREATE TABLE old.bare (id int);
CREATE TYPE mood AS ENUM ('fine', 'low');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b int);
CREATE TABLE users (
    id int PRIMARY KEY, name text, n bigint, code varchar(10), price numeric(8, 3), at timestamp, zoned timestamptz,
    f float8, doubled int GENERATED ALWAYS AS (id * 2) STORED, mood mood, plus positive, both_ pair, doc jsonb, js json,
    flag boolean
);
CREATE TABLE "Odd|Name" (id int, "My Col" text);
CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users);
CREATE TABLE parts (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (100);
CREATE TABLE base (id int, note text);
CREATE TABLE heir (more text) INHERITS (base);
CREATE TABLE likes (id int);
CREATE TABLE teams (id int PRIMARY KEY);
CREATE TABLE members (id int PRIMARY KEY, team_id int REFERENCES teams ON DELETE CASCADE);
CREATE TABLE notes (id int, member_id int REFERENCES members ON DELETE CASCADE);
CREATE TABLE pets (id int, team_id int REFERENCES teams ON DELETE SET NULL);
CREATE FUNCTION odd(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 % 2 = 1';
CREATE FUNCTION purge(int) RETURNS void LANGUAGE plpgsql AS 'BEGIN DELETE FROM posts WHERE id < $1; END';
CREATE MATERIALIZED VIEW mv AS SELECT id FROM users;
CREATE SEQUENCE s;
"""
ROWS = """
INSERT INTO users (id, name, n, code, price, at, zoned, f, mood, plus, both_, doc, js, flag)
SELECT i, CASE WHEN i <= 60 THEN 'name ' || i END, i, 'code' || i, i + CASE WHEN i <= 7 THEN 0.125 ELSE 0 END,
       timestamp '2020-01-01' + i * interval '12 hours', timestamptz '2020-01-01 00:00:00Z' + i * interval '1 day',
       i + CASE WHEN i <= 5 THEN 1e-9 ELSE 0 END, 'fine', i, ROW (i::int, NULL)::pair, '{"a": 1}', '{ "a": 1}', i <= 40
  FROM generate_series(1, 100) AS i;
INSERT INTO posts SELECT i, i FROM generate_series(1, 30) AS i;
INSERT INTO "Odd|Name" VALUES (1, 'x'), (2, NULL);
INSERT INTO old.logs VALUES (1, 'x'), (2, 'y');
INSERT INTO parts SELECT i, CASE WHEN i > 5 THEN 'note' END FROM generate_series(1, 20) AS i;
INSERT INTO likes SELECT generate_series(1, 20);
INSERT INTO teams SELECT generate_series(1, 10);
INSERT INTO members SELECT i, (i + 1) / 2 FROM generate_series(1, 20) AS i;
INSERT INTO notes SELECT i, (i + 1) / 2 FROM generate_series(1, 40) AS i;
INSERT INTO pets SELECT i, i FROM generate_series(1, 10) AS i;
INSERT INTO base VALUES (1, 'b'), (2, NULL);
INSERT INTO heir VALUES (3, 'h', 'm');
REFRESH MATERIALIZED VIEW mv;
"""


class Case(NamedTuple):
    """A file, and what it loses: each with its rows."""

    text: str
    loses: dict[str, int | None]


def case(text: str, **loses: int | None) -> Case:
    return Case(text, {name.replace("__", "."): number for name, number in loses.items()})


CASES = [
    # Tables
    case("DROP TABLE posts", table_posts=30),
    case("DROP TABLE IF EXISTS posts, nobody", table_posts=30),
    case("DROP TABLE users CASCADE", table_users=100),
    case("DROP TABLE parts", table_parts=20),
    case("DROP TABLE parts_1", table_parts_1=9),
    case("ALTER TABLE parts DETACH PARTITION parts_1; DROP TABLE parts_1", table_parts_1=9),
    case("DROP TABLE base CASCADE", table_base=2, table_heir=1),
    case("DROP SCHEMA old CASCADE", table_old__logs=2),
    case("DO 'BEGIN DROP TABLE posts; END'", table_posts=30),
    case(
        "ALTER TABLE posts RENAME TO gone; ALTER TABLE gone SET SCHEMA old; DROP TABLE old.gone",
        table_posts=30,
    ),
    case("CREATE TABLE new AS SELECT * FROM posts; DROP TABLE posts", table_posts=30),
    case('DROP TABLE "Odd|Name"', **{'table_"Odd|Name"': 2}),
    case("SAVEPOINT a; DROP TABLE posts; ROLLBACK TO a"),
    case("CREATE TABLE new (id int); INSERT INTO new VALUES (1); DROP TABLE new"),
    case("DROP MATERIALIZED VIEW mv; DROP SEQUENCE s; ALTER TABLE parts DETACH PARTITION parts_1"),
    # Columns
    case("ALTER TABLE users DROP COLUMN name", column_users__name=60),
    case("ALTER TABLE users RENAME name TO called; ALTER TABLE users DROP called", column_users__name=60),
    case("ALTER TABLE users DROP name; ALTER TABLE users ADD name int", column_users__name=60),
    case(
        "ALTER TABLE users DROP n; ALTER TABLE users ADD n int GENERATED ALWAYS AS (id) STORED",
        column_users__n=100,
    ),
    case("ALTER TABLE users DROP COLUMN doubled"),
    case("ALTER TABLE users ALTER doubled DROP EXPRESSION"),
    case("ALTER TABLE users DROP COLUMN both_", column_users__both_=100),
    case("DROP TYPE mood CASCADE", column_users__mood=100),
    case("DROP DOMAIN positive CASCADE", column_users__plus=100),
    case("ALTER TABLE parts DROP note", column_parts__note=15),
    case("ALTER TABLE base DROP note", column_base__note=1, column_heir__note=1),
    case('ALTER TABLE "Odd|Name" DROP "My Col"', **{'column_"Odd|Name"."My Col"': 1}),
    case("ALTER TABLE users ADD a int; ALTER TABLE users DROP a"),
    case(
        "SAVEPOINT a; ALTER TABLE users DROP name; ROLLBACK TO a; ALTER TABLE users DROP n",
        column_users__n=100,
    ),
    # Rows
    case("TRUNCATE posts", table_posts=30),
    case("TRUNCATE users CASCADE", table_users=100, table_posts=30),
    case("TRUNCATE parts", table_parts=20),
    case("TRUNCATE parts_2, ONLY base", table_parts_2=11, table_base=2),
    case("DO 'BEGIN TRUNCATE posts; END'", table_posts=30),
    # what is emptied where it lies, for its file is of the same transaction
    case("ALTER TABLE posts ALTER id TYPE bigint; TRUNCATE posts", table_posts=30),
    case("ALTER TABLE posts ALTER id TYPE bigint; TRUNCATE users CASCADE", table_users=100, table_posts=30),
    case("ALTER TABLE parts ALTER note TYPE varchar; TRUNCATE parts", table_parts=20),
    case("ALTER TABLE posts ALTER id TYPE bigint; TRUNCATE likes", table_likes=20),
    case("ALTER TABLE posts ALTER id TYPE bigint; COMMENT ON TABLE posts IS 'TRUNCATE posts'"),
    case("DELETE FROM posts", table_posts=30),
    case("DELETE FROM ONLY public.posts AS p WHERE p.id > 20 RETURNING id", table_posts=10),
    case("DELETE FROM posts p USING users u, base WHERE u.id = p.user_id AND u.n <= 4", table_posts=4),
    case("DELETE FROM posts WHERE id = 1000"),
    case("DELETE FROM parts WHERE note IS NULL", table_parts=5),
    case("DELETE FROM base", table_base=3),
    case("DELETE FROM likes WHERE id <= 3", table_likes=3),
    case(
        "DELETE FROM teams WHERE id <= 2",
        table_teams=2,
        table_members=4,
        table_notes=8,
        column_pets__team_id=2,
    ),
    case(
        "ALTER TABLE members RENAME TO was; ALTER TABLE likes RENAME TO members; ALTER TABLE was RENAME TO likes;"
        "DELETE FROM teams WHERE id <= 2",
        table_teams=2,
        table_members=4,
        table_notes=8,
        column_pets__team_id=2,
    ),
    case(
        "WITH gone AS (DELETE FROM posts WHERE id < 5 RETURNING id) SELECT count(*) FROM gone",
        table_posts=None,
    ),
    case("DO $$BEGIN DELETE FROM posts WHERE id < 5; END$$", table_posts=None),
    case("SELECT purge(5)", table_posts=None),
    case("DELETE FROM posts WHERE odd(id)", table_posts=None),
    case("INSERT INTO posts VALUES (99); DELETE FROM posts WHERE id = 99", table_posts=None),
    case(
        "MERGE INTO posts AS p USING users AS u ON u.id = p.user_id WHEN MATCHED THEN DELETE",
        table_posts=None,
    ),
    case("UPDATE users SET name = NULL", column_users__name=60),
    case("UPDATE users SET name = upper(name), n = id", column_users__name=60),
    case("UPDATE users SET name = 'x' WHERE id = 1; UPDATE posts SET user_id = user_id"),
    case("ALTER TABLE users ADD called text; UPDATE users SET called = name"),
    case("INSERT INTO users (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name"),
    # Types
    case("ALTER TABLE users ALTER code TYPE varchar(5) USING code::varchar(5)", column_users__code=91),
    case("ALTER TABLE users ALTER code TYPE varchar(5) USING left(code, 5)", column_users__code=91),
    case("ALTER TABLE users ALTER name TYPE text USING NULL", column_users__name=60),
    case("ALTER TABLE users ALTER price TYPE numeric(8, 1)", column_users__price=7),
    case("ALTER TABLE users ALTER price TYPE int", column_users__price=7),
    case("ALTER TABLE users ALTER price TYPE numeric(10, 3)"),
    case("ALTER TABLE users ALTER at TYPE date", column_users__at=50),
    case("ALTER TABLE users ALTER at TYPE date USING at::date", column_users__at=50),
    case("ALTER TABLE users ALTER zoned TYPE timestamp USING zoned AT TIME ZONE 'UTC'"),
    case("ALTER TABLE users ALTER zoned TYPE timestamp"),
    case("ALTER TABLE users ALTER f TYPE real", column_users__f=5),
    case("ALTER TABLE users ALTER f TYPE int", column_users__f=5),
    case("ALTER TABLE users ALTER n TYPE int USING n::int"),
    case("ALTER TABLE users ALTER n TYPE smallint USING n % 10", column_users__n=91),
    case("ALTER TABLE users ALTER n TYPE text"),
    case("ALTER TABLE users ALTER name TYPE varchar(200); ALTER TABLE users ALTER doc TYPE text"),
    case("ALTER TABLE users ALTER js TYPE jsonb; ALTER TABLE users ALTER doc TYPE json USING doc::json"),
    case("ALTER TABLE users ALTER doc TYPE text USING doc ->> 'b'", column_users__doc=100),
    case("ALTER TABLE users ALTER mood TYPE text"),
    case("ALTER TABLE users ALTER flag TYPE int USING CASE WHEN flag THEN 1 ELSE 0 END"),
    case("ALTER TABLE users ALTER flag TYPE text USING 'x'", column_users__flag=None),
    case(
        "ALTER TABLE users RENAME code TO k; ALTER TABLE users ALTER k TYPE text USING left(k, 5)",
        column_users__code=91,
    ),
    case(
        "CREATE TYPE size AS ENUM ('s');"
        "ALTER TABLE users ALTER name TYPE size USING CASE WHEN name <> '' THEN 's' END::size",
        column_users__name=None,
    ),
    case("CREATE TYPE size AS ENUM ('s'); ALTER TABLE users ALTER code TYPE size USING code::size"),
    # What only names a deletion deletes nothing.
    case("CREATE FUNCTION wipe() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users; END $$"),
    case("CREATE PROCEDURE wipe() LANGUAGE sql AS 'DELETE FROM users'"),
    case("CREATE RULE r AS ON INSERT TO users DO ALSO DELETE FROM users"),
    case("COMMENT ON TABLE users IS 'DELETE FROM users'"),
    case("EXPLAIN DELETE FROM users"),
]


class TakenBack(rehearsal.Rehearsal):
    """Keeps no file, so that each is rehearsed on the schema as it was."""

    def ends(self, file: File) -> None:  # noqa: ARG002
        raise ReachesOut


def rehearsed(url: str, folder: Path, texts: Sequence[str]) -> Iterator[tuple[str, File, Scene]]:
    """Each text as a file behind the schema, on one scratch database."""
    names = {f"{number:03}_case": text for number, text in enumerate(texts, 2)}
    write(folder, **{"001_schema": SCHEMA}, **names)
    migrations, files = read_files(folder)
    files |= {name: rehearsal.ByStatement(**vars(files[name])) for name in names}
    with built(Settings(database_url=url), Heard(), files, migrations[:1]) as built_here:
        for migration in migrations[1:]:
            scene = Scene(built_here, {})
            try:
                TakenBack(scene).rehearse(migrations.replace([migration]))
            except MigrationFailed as exc:
                raise AssertionError(names[migration.id]) from exc
            yield names[migration.id], files[migration.id], scene


def losses(url: str, scene: Scene, file: File) -> list[Loss]:
    found = Losses(scene, [file], Settings(database_url=url))
    return [loss for its in found.of(file.id) for loss in its]


def brief(found: Iterable[Loss]) -> dict[str, int | None]:
    return {loss.what.replace("public.", "").replace(" ", "_", 1): loss.rows for loss in found}


@pytest.fixture(scope="module", params=majors(), ids=lambda major: f"pg{major}")
def databases(request: pytest.FixtureRequest, servers: Servers) -> Iterator[tuple[str, str]]:
    """One with rows, and one without."""
    with fresh_database(servers(request.param)) as full, fresh_database(servers(request.param)) as empty:
        query(empty, SCHEMA)
        query(full, SCHEMA + ROWS)
        yield full, empty


def test_what_a_file_loses_is_counted_and_may_be_meant(databases: tuple[str, str], tmp_path: Path) -> None:
    full, empty = databases
    found = {}
    for text, file, scene in rehearsed(full, tmp_path, [one.text for one in CASES]):
        assert losses(empty, scene, file) == [], text
        lost = losses(full, scene, file)
        found[text] = brief(lost)
        meant = [Loses.parse(it.remedy.removeprefix("-- loses: ").replace("…", "it is meant")) for it in lost]
        again = losses(full, scene, replace(file, loses=tuple(meant)))
        assert {it.because for it in again} <= {"it is meant"}, text
        assert brief(again) == brief(lost)
    assert found == {one.text: one.loses for one in CASES}


def test_the_trial_sees_a_table_emptied_in_place_by_whatever(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, ROWS)
    hidden = "DO $$BEGIN EXECUTE 'TRUNC' || 'ATE likes'; END$$"
    write(folder, **{"002_x": f"ALTER TABLE likes ALTER id TYPE bigint; {hidden}"})
    (file,) = plan(Settings(database_url=database, migrations=folder), Heard()).files
    assert [brief(it.losses) for it in file.statements] == [{}, {"table_likes": 20}]


def test_the_trial_says_how_many_rows_go_whatever_deletes_them(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, ROWS)
    text = (
        "SELECT purge(5);\nALTER TABLE parts DETACH PARTITION parts_1; DROP TABLE parts_1;\n"
        "DELETE FROM posts WHERE odd(id)"
    )
    write(folder, **{"002_x": text})
    (file,) = plan(Settings(database_url=database, migrations=folder), Heard()).files
    lost = [(brief(it.losses), [loss.kind for loss in it.losses]) for it in file.statements]
    assert lost == [
        ({"table_posts": 4}, ["deleted"]),
        ({}, []),
        ({"table_parts_1": 9}, ["dropped"]),
        ({"table_posts": 13}, ["deleted"]),
    ]


def test_what_a_cleanup_archives_is_not_lost(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, f"{ROWS} INSERT INTO pets VALUES (11, NULL); CREATE TABLE homes (id int, pet int)")
    query(
        database, "INSERT INTO homes VALUES (1, 99), (2, 98), (3, 3); ALTER TABLE pets ADD PRIMARY KEY (id)"
    )
    text = "-- cleanup: homes.pet -> pets.id delete\nALTER TABLE homes ADD FOREIGN KEY (pet) REFERENCES pets"
    write(folder, **{"002_x": text})
    (file,) = plan(Settings(database_url=database, migrations=folder), Heard()).files
    assert [(one.deleted, one.orphans) for one in file.cleanup] == [(0, 2)]
    assert [loss for it in file.statements for loss in it.losses] == []


def test_people_and_scripts_read_it(sqlrail: Sqlrail, database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, ROWS)
    drop = 'ALTER TABLE "Odd|Name" DROP "My Col";\nDROP TABLE posts;'
    write(folder, **{"002_x": drop})

    def show(*flags: str) -> Outcome:
        env = {"DATABASE_URL": database, "APP_ENV": "development"}
        return sqlrail("plan", "--migrations", str(folder), *flags, env=env)

    column = 'public."Odd|Name"."My Col"'
    shown = show("--check")
    assert shown.code == 4
    assert shown.out.splitlines()[:3] == [
        "002_x: loses data",
        f"  1:1 loses column {column}: 1 row (dropped), if it is meant: `-- loses: {column} because …`",
        "  2:1 loses table public.posts: 30 rows (dropped), if it is meant: `-- loses: public.posts because …`",
    ]
    (_, second) = show("--json").document["files"][0]["statements"]
    assert second["losses"] == [
        {"what": "table public.posts", "kind": "dropped", "rows": 30, "because": None}
    ]
    name = "&#34;Odd&#124;Name&#34;"
    assert (
        f"- <code>1&#58;1 loses column public.{name}.&#34;My Col&#34;&#58; 1 row (dropped)"
        in show("--format", "markdown").out
    )
    said = '-- loses: "Odd|Name"."My Col" because | <b> it is\n-- loses: posts because x\n-- loses: users because y\n'
    write(folder, **{"002_x": said + drop})
    shown = show("--check")
    assert shown.code == 0, shown.out
    assert "002_x: instant\n" in shown.out
    assert '4:1 loses column public."Odd|Name"."My Col": 1 row (dropped), because | <b> it is' in shown.out
    assert "note: 002_x says `-- loses: users`, and loses nothing of it" in shown.out
    assert "because &#124; &#60;b&#62; it is</code>" in show("--format", "markdown").out
    assert show("--json").document["files"][0]["statements"][1]["losses"][0]["because"] == "x"


def test_without_counts_nobody_says_how_many(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    write(folder, **{"002_x": "DROP TABLE posts; DELETE FROM likes WHERE id = 1"})
    query(database, ROWS)
    settings = Settings(database_url=database, migrations=folder)
    (file,) = plan(settings, Heard(), counts=False, consent=Consent(asked=False)).files
    assert [brief(it.losses) for it in file.statements] == [{"table_posts": None}, {"table_likes": None}]


def test_what_may_not_be_read_or_seen_is_lost_in_unknown_number(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, f"{ROWS} ALTER TABLE posts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    query(
        database,
        "CREATE ROLE loses_reader LOGIN CREATEDB; GRANT SELECT ON ALL TABLES IN SCHEMA public TO loses_reader",
    )
    query(database, "REVOKE SELECT ON users FROM loses_reader; GRANT ALL ON SCHEMA public TO loses_reader")
    try:
        write(folder, **{"002_x": "DROP TABLE posts; ALTER TABLE users DROP name; DROP TABLE likes"})
        settings = Settings(database_url=f"{database}&user=loses_reader", migrations=folder)
        (file,) = plan(settings, Heard(), consent=Consent(asked=False)).files
        assert [brief(it.losses) for it in file.statements] == [
            {"table_posts": None},
            {"column_users.name": None},
            {"table_likes": 20},
        ]
    finally:
        query(database, "DROP OWNED BY loses_reader; DROP ROLE loses_reader")


def test_outside_a_transaction_what_is_done_already_is_no_more_lost(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, ROWS)
    text = "-- transactional: false\nDROP TABLE posts;\nDELETE FROM likes WHERE id <= 3;\nTRUNCATE teams CASCADE;\n"
    write(folder, **{"002_x": f"{text}SELECT 1 / 0"})
    assert attempt(database, Heard(), folder) is not None
    query(database, "INSERT INTO likes VALUES (1), (2); INSERT INTO teams VALUES (1)")
    write(folder, **{"002_x": f"{text}DROP TABLE likes;\nDELETE FROM notes;\nVACUUM;\nDELETE FROM teams"})
    settings = Settings(database_url=database, migrations=folder)
    (file,) = plan(settings, Heard(), consent=Consent(asked=False)).files
    assert [brief(it.losses) for it in file.statements] == [
        {}, {}, {}, {"table_likes": 19}, {}, {}, {"table_teams": 1},
    ]  # fmt: skip


def test_a_name_that_may_mean_two_tables_counts_for_neither(database: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "files", **{"001_schema": SCHEMA})
    assert attempt(database, Heard(), folder) is None
    query(database, f"{ROWS} CREATE TABLE old.posts AS SELECT 1 AS id")
    write(folder, **{"002_x": "-- loses: posts because x\nDROP TABLE posts, old.posts"})
    settings = Settings(database_url=database, migrations=folder)
    found = plan(settings, Heard(), consent=Consent(asked=False))
    assert found.files[0].verdict == "loses data"
    assert {loss.because for loss in found.files[0].statements[0].losses} == {None}
    assert found.notes == (
        "002_x says `-- loses: posts`, which may be old.posts or public.posts: name the schema",
    )
    said = "-- loses: public.posts because x\n-- loses: old.posts because y\n"
    write(folder, **{"002_x": f"{said}DROP TABLE posts, old.posts"})
    found = plan(settings, Heard(), consent=Consent(asked=False))
    assert (found.files[0].verdict, found.notes) == ("instant", ())

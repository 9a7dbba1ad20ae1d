"""The examples of CONTRIBUTING work: each is put into a copy of the package, in the places that are named there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, document_of, fresh_database, needs, query, told

from sqlrail.server import local

pytestmark = pytest.mark.promise  # each is a project of its own


@dataclass(frozen=True)
class Copy:
    """A copy of the package that may be changed."""

    home: Path

    def add(self, path: str, text: str, before: str) -> None:
        """Puts text into a file in front of a line of it, with that line's indentation."""
        lines = (self.home / path).read_text().splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.strip().startswith(before))
        blanks = re.match(" *", lines[place])
        assert blanks
        lines.insert(place, textwrap.indent(text, blanks[0]))
        (self.home / path).write_text("".join(lines))

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "runner.py", *words], cwd=self.home, env={**clean_environment(), "COLUMNS": "200", **env},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    for folder in ("sqlrail", "sql", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "runner.py", tmp_path)
    return Copy(tmp_path)


def examples(heading: str) -> list[str]:
    """The code under a heading of CONTRIBUTING, place by place."""
    section = (ROOT / "CONTRIBUTING.md").read_text().partition(f"\n### {heading}")[2].partition("\n### ")[0]
    return [textwrap.dedent(code) for code in re.findall(r"(?ms)^ *```\w+\n(.*?)^ *```$", section)]


def add_verb(copy: Copy) -> None:
    work, command = examples("A verb")
    (copy.home / "sqlrail/verbs/pending.py").write_text(work)
    (copy.home / "sqlrail/cli/commands/pending.py").write_text(command)


def add_directive(copy: Copy) -> None:
    field, _ = examples("A directive")
    copy.add("sqlrail/files/directives.py", field, before="row_security: bool")


def add_setting(copy: Copy) -> None:
    row, flag = examples("A setting")
    command = "sqlrail/cli/commands/status.py"
    copy.add("sqlrail/ground/settings.py", row, before="retention: float")
    copy.add(command, flag, before="parser.add_argument")


def add_check(copy: Copy) -> None:
    statement, _ = examples("A check of `doctor`")
    (copy.home / "sql/verbs/doctor/doctor_not_logged.sql").write_text(statement)


def add_kind(copy: Copy) -> None:
    statement, stage = examples("A kind of object")
    (copy.home / "sql/schema/_catalog_parsers.sql").write_text(statement)
    copy.add("sqlrail/schema/kinds.py", stage, before='"collation": "operators"')


@pytest.mark.promise
def test_what_is_added_is_as_the_rest(copy: Copy) -> None:
    for add in (add_verb, add_directive, add_setting, add_check, add_kind):
        add(copy)
    for name in ("pyproject.toml", ".importlinter"):
        shutil.copy(ROOT / name, copy.home)
    env = {**clean_environment(), "PYTHONPATH": str(copy.home)}
    for linter in (
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--no-cache", "--check", "."],
        ["mypy", "sqlrail"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *linter],
            cwd=copy.home,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_verb(copy: Copy, database: str) -> None:
    add_verb(copy)
    (copy.home / "files").mkdir()
    (copy.home / "files/001_a.sql").write_text("SELECT 1;\n")

    def pending(*flags: str) -> tuple[int, str]:
        done = copy.run("pending", *flags, "--migrations", "files", DATABASE_URL=database)
        return done.returncode, done.stdout

    line = "    pending             list the files that a migrate would run; changes nothing"
    assert line in copy.run("--help").stdout.splitlines()
    assert "--check               exit 4 if there is any" in copy.run("pending", "--help").stdout
    assert "did you mean pending?" in copy.run("pendign").stderr
    assert pending("--check") == (4, "001_a\n")
    assert copy.run("migrate", "--migrations", "files", DATABASE_URL=database).returncode == 0
    assert pending("--check") == (0, "\n")
    code, text = pending("--json")
    assert (code, document_of(text)) == (0, {"pending": []})
    schemas = copy.home / "docs/reference/json"
    shutil.copytree(ROOT / "docs/reference/json", schemas)
    (made := copy.home / "tests/support").mkdir(parents=True)
    script = shutil.copy(ROOT / "tests/support/json_schemas.py", made)
    env = {**clean_environment(), "PYTHONPATH": str(copy.home)}
    subprocess.run([sys.executable, script], check=True, env=env, timeout=60)
    assert json.loads((schemas / "pending.json").read_text())["required"] == ["pending", "target"]
    assert (
        "| [pending](pending.json) | What a migrate would run. | 0, 4 |"
        in (schemas / "README.md").read_text()
    )


def test_a_directive(copy: Copy, database: str) -> None:
    _, line = examples("A directive")
    add_directive(copy)
    use = "if file.deadline is not None:\n    file.flaws.append((1, f'it takes {file.deadline:g} s'))\n"
    copy.add("sqlrail/files/file.py", use, before="file.is_draft = says_draft")
    said = re.findall(r"^\| `(-- .*?)` \|", line)[0]
    (copy.home / "files").mkdir()

    def wrong(leading: str) -> str:
        (copy.home / "files/001_a.sql").write_text(f"{leading}\nSELECT 1;\n")
        return told(copy.run("migrate", "--migrations", "files", DATABASE_URL=database).stderr)

    assert wrong(said).startswith("files/001_a.sql:1:1: it takes 3600 s")
    assert wrong("-- deadline: soon").startswith(
        "files/001_a.sql:1:1: deadline: write a number with its unit"
    )
    assert "looks like a directive, but is not one: write `-- deadline: …`" in wrong("-- dead-line: 1h")
    assert "a directive counts only at the head of the file" in wrong(f"SELECT 2;\n{said}")
    assert wrong("") == ""
    (copy.home / "files/001_a.rollback.sql").write_text(f"{said}\nSELECT 1;\n")
    done = copy.run("rollback", "--migrations", "files", DATABASE_URL=database)
    assert told(done.stderr).startswith("files/001_a.rollback.sql:1:1: it takes 3600 s")


def test_a_setting(copy: Copy, database: str) -> None:
    add_setting(copy)
    use = "talk.say(f'this is {settings.label}')\n"
    copy.add("sqlrail/cli/commands/status.py", use, before="result = status(")

    def said(*flags: str, **env: str) -> str:
        done = copy.run("status", *flags, DATABASE_URL=database, **env)
        assert done.returncode == 0, done.stderr
        return told(done.stderr).rstrip()

    assert said() == "this is none"
    assert said(SQLRAIL_LABEL="from outside") == "this is from outside"
    assert said("--label", "by flag", SQLRAIL_LABEL="from outside") == "this is by flag"
    (copy.home / ".env").write_text("SQLRAIL_LABEL='from the file'\n")
    assert said() == "this is from the file"
    assert (
        "--label TEXT          what the run is called (default: none)" in copy.run("status", "--help").stdout
    )


def test_a_check_of_doctor(copy: Copy, database: str) -> None:
    add_check(copy)
    query(database, "CREATE TABLE kept (id int PRIMARY KEY); CREATE UNLOGGED TABLE lost (id int PRIMARY KEY)")
    done = copy.run("doctor", "--json", "--check", DATABASE_URL=database)
    (found,) = document_of(done.stdout)["findings"]
    assert (done.returncode, found["kind"], found["table"]) == (4, "not_logged", "public.lost")
    query(database, *found["now"])
    done = copy.run("doctor", "--check", DATABASE_URL=database)
    assert (done.returncode, done.stdout[:18]) == (0, "nothing unhealthy ")


@needs("a superuser")
def test_a_kind_of_object(copy: Copy, server: local.Server, database: str) -> None:
    add_kind(copy)
    with fresh_database(server) as other:
        query(
            other,
            "CREATE TEXT SEARCH PARSER p "
            "(START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
        )

        def drift(*flags: str) -> subprocess.CompletedProcess[str]:
            return copy.run("drift", "--check", "--against", other, *flags, DATABASE_URL=database)

        (found,) = document_of(drift("--json").stdout)["differences"]
        assert (found["what"], found["kind"], found["name"]) == ("lacking", "text search parser", "public.p")
        query(database, drift("--print-sql").stdout)
        assert drift().returncode == 0

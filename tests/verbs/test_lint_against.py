"""`lint --against REF`: what a branch does to the files of another one, as git has them, without a database."""

from __future__ import annotations

import json
from pathlib import Path

import console
import pytest
from branches import begin, commit, git, on_main
from console import Outcome, Sqlrail

sqlrail = console.sqlrail

#: where nothing names a database, and the embedded server may not stand in
NOWHERE = {"APP_ENV": "production"}
MAIN: dict[str, str | bytes | None] = {
    "migrations/001_a.sql": "SELECT 1;\n",
    "migrations/002_b.sql": "SELECT 2;\nSELECT 'b';\nSELECT 22;\n",
    "migrations/002_b.rollback.sql": "SELECT -2;\n",
    "migrations/003_c.sql": "SELECT 3;\n",
}


def against(sqlrail: Sqlrail, *flags: str, ref: str = "main") -> Outcome:
    return sqlrail("lint", "--against", ref, *flags, env=NOWHERE)


def found(outcome: Outcome) -> list[tuple[str, int, str]]:
    """What was found: path, line and rule."""
    assert outcome.code in (0, 4), outcome.err
    return [(it["path"], it["line"], it["rule"]) for it in outcome.document["findings"]]


def case(id_: str, *values: object) -> object:
    return pytest.param(*values, id=id_)


BRANCHES = [
    case("nothing", {}, {}, []),
    case("a new one behind", {"004_d.sql": "SELECT 4;"}, {}, []),
    case("one that comes before", {"002_z.sql": "SELECT 4;"}, {}, [("002_z.sql", 1, "late")]),
    case("the number of the newest", {"003_z.sql": "SELECT 4;"}, {}, [("003_z.sql", 1, "duplicate")]),
    case("a number twice in the branch", {"004_d.sql": "SELECT 4;", "004_e.sql": "SELECT 5;"}, {},
         [("004_e.sql", 1, "duplicate")]),
    case("overtaken while it was worked on", {"004_d.sql": "SELECT 4;"}, {"005_e.sql": "SELECT 5;"},
         [("004_d.sql", 1, "late")]),
    case("one number in both", {"004_d.sql": "SELECT 4;"}, {"004_a.sql": "SELECT 5;"},
         [("004_d.sql", 1, "duplicate")]),
    case("dates are read as such", {"20240101_d.sql": "SELECT 4;", "20240101_e.sql": "SELECT 5;"}, {}, []),
    case("it depends on what comes later", {"004_d.sql": "-- depends: 005_e\nSELECT 4;"}, {"005_e.sql": "SELECT 5;"},
         []),
    case("edited, at the line", {"002_b.sql": "SELECT 2;\nSELECT 'b';\nSELECT 23;\n"}, {},
         [("002_b.sql", 3, "edited")]),
    case("edited by an editor's blanks only", {"002_b.sql": "SELECT 2;  \r\nSELECT 'b';\r\nSELECT 22;"}, {}, []),
    case("edited there, and not here", {}, {"002_b.sql": "SELECT 29;"}, []),
    case("edited in both", {"002_b.sql": "SELECT 28;"}, {"002_b.sql": "SELECT 29;"}, [("002_b.sql", 1, "edited")]),
    case("edited in both alike", {"002_b.sql": "SELECT 28;"}, {"002_b.sql": "SELECT 28;"}, []),
    case("a rollback may be edited", {"002_b.rollback.sql": "SELECT -3;"}, {}, []),
    case("gone", {"001_a.sql": None}, {}, [("001_a.sql", 1, "missing")]),
    case("gone, the newest", {"003_c.sql": None}, {}, [("003_c.sql", 1, "missing")]),
    case("gone there, and not here", {}, {"003_c.sql": None}, []),
    case("renamed", {"001_a.sql": None, "004_a.sql": "SELECT 1;\n"}, {}, [("004_a.sql", 1, "renamed")]),
    case("new there, and not here yet", {}, {"004_d.sql": "SELECT 4;"}, []),
    case("what squawk finds in a new one", {"004_d.sql": "SELECT 4;\nDROP TABLE t;"}, {},
         [("004_d.sql", 2, "ban-drop-table")]),
    case("names that a shell would obey", {"004 -rf *.sql": "SELECT 4;", "001 $(touch x).sql": "SELECT 5;"},
         {}, [("001 $(touch x).sql", 1, "late")]),
]  # fmt: skip


@pytest.mark.parametrize(("branch", "main", "expected"), BRANCHES)
def test_a_branch_is_held_against_what_a_ref_has(
    branch: dict[str, str | None],
    main: dict[str, str | None],
    expected: list[tuple[str, int, str]],
    sqlrail: Sqlrail,
) -> None:
    begin(MAIN)
    for files, write in ((branch, commit), (main, on_main)):
        if files:
            write({f"migrations/{name}": text for name, text in files.items()})
    before = git("status", "--porcelain")
    outcome = against(sqlrail, "--json", "--check")
    assert found(outcome) == [(f"migrations/{name}", line, rule) for name, line, rule in expected]
    assert outcome.code == (4 if expected else 0)
    assert git("status", "--porcelain") == before


def test_what_is_not_committed_counts(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    Path("migrations/001_z.sql").write_text("SELECT 4;\n")
    Path("migrations/003_c.sql").unlink()
    assert [rule for _, _, rule in found(against(sqlrail, "--json"))] == ["late", "missing"]


def test_each_finding_says_where_and_what_to_do(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    commit({
        "migrations/002_b.sql": "SELECT 2;\nSELECT 'c';\n", "migrations/002_z.sql": "SELECT 4;\n",
        "migrations/001_a.sql": None,
    })  # fmt: skip
    outcome = against(sqlrail, "--check")
    assert outcome.code == 4
    assert outcome.out == (
        "migrations/001_a.sql:1:1: missing: main has this file, and the branch removes it.\n"
        "    safer: put it back with `git checkout main -- migrations/001_a.sql`\n\n"
        "migrations/002_b.sql:2:1: edited: main has this file otherwise, and what has applied that does not apply "
        "this.\n"
        "    safer: put it back with `git checkout main -- migrations/002_b.sql`, and write a new file with what is to "
        "change\n\n"
        "migrations/002_z.sql:1:1: late: it is new, and comes before 003_c, which main has: it would be late.\n"
        "    safer: `sqlrail renumber --against main` gives it a number behind the newest\n\n"
        "3 findings in 1 file\n"
    )
    annotations = against(sqlrail, "--format", "github").out.splitlines()
    assert annotations[1].startswith(
        "::warning file=migrations/002_b.sql,line=2,col=1,title=edited::main has this"
    )
    git("checkout", "main", "--", "migrations/001_a.sql", "migrations/002_b.sql")
    assert sqlrail("renumber", "--against", "main", env=NOWHERE).code == 0
    assert against(sqlrail, "--check").code == 0


def test_a_folder_that_the_ref_lacks_is_all_new(sqlrail: Sqlrail) -> None:
    begin({"README": "x\n"})
    commit(MAIN)
    assert json.loads(against(sqlrail, "--json").out)["linted"] == 3


def test_a_link_is_the_file_that_it_leads_to(sqlrail: Sqlrail) -> None:
    begin({**MAIN, "shared.sql": "SELECT 0;\n"})
    git("checkout", "--quiet", "main")
    Path("migrations/000_shared.sql").symlink_to("../shared.sql")
    git("add", "--all")
    git("commit", "--quiet", "--message", "a link")
    git("checkout", "--quiet", "-b", "more")
    assert found(against(sqlrail, "--json")) == []


def test_a_name_that_moves_a_terminal_is_shown_as_text(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    commit({"migrations/002_\x1b[2J\n::error::x.sql": "SELECT 4;\n"})
    for flags in ((), ("--format", "github")):
        outcome = against(sqlrail, *flags)
        assert "\x1b" not in outcome.out
        assert not any(line.startswith("::error") for line in outcome.out.splitlines())


# what git cannot say


def refused(outcome: Outcome) -> str:
    assert (outcome.code, outcome.error["kind"]) == (2, "usage_error")
    return str(outcome.error["message"])


@pytest.mark.parametrize("ref", ["--upload-pack=touch x", "-", "", "a\nb"])
def test_a_ref_is_never_a_flag(ref: str, sqlrail: Sqlrail) -> None:
    begin(MAIN)
    outcome = sqlrail("lint", f"--against={ref}", "--json", env=NOWHERE)
    assert "name a branch, a tag or a commit, as in origin/main" in refused(outcome)
    assert not Path("x").exists()


def test_a_ref_that_is_not_there_is_fetched_by_the_command_that_is_named(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    assert refused(against(sqlrail, "--json", ref="nowhere")) == (
        "--against is 'nowhere': git knows no such commit here."
    )
    git("remote", "add", "origin", ".")
    assert "; fetch it with `git fetch origin main:refs/remotes/origin/main`." in refused(
        against(sqlrail, "--json", ref="origin/main")
    )
    git("fetch", "--quiet", "origin", "main:refs/remotes/origin/main")
    assert against(sqlrail, ref="origin/main").code == 0


def test_a_shallow_clone_says_how_to_fetch_the_rest(
    sqlrail: Sqlrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(MAIN)
    commit({"migrations/004_d.sql": "SELECT 4;\n"})
    on_main({"migrations/004_a.sql": "SELECT 5;\n"})
    git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{tmp_path}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    said = refused(against(sqlrail, "--json", ref="origin/main"))
    assert "this clone is shallow" in said
    assert "`git fetch --unshallow`" in said
    git("fetch", "--quiet", "--unshallow")
    assert [rule for _, _, rule in found(against(sqlrail, "--json", ref="origin/main"))] == ["duplicate"]


def test_a_folder_outside_of_git_is_said(sqlrail: Sqlrail) -> None:
    console.put({"migrations/001_a.sql": "SELECT 1;\n"})
    assert "migrations is not in a git repository" in refused(against(sqlrail, "--json"))


def test_where_git_is_not_installed_it_is_missed(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    outcome = sqlrail("lint", "--against", "main", "--json", env={**NOWHERE, "PATH": "/nowhere"})
    assert (outcome.code, outcome.error["kind"]) == (2, "missing_prerequisite")


def test_files_are_chosen_in_one_way(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    for more in ("--all", "migrations/001_a.sql"):
        assert "--against chooses the files" in refused(against(sqlrail, "--json", more))


def test_a_hook_s_git_dir_leads_nowhere_else(sqlrail: Sqlrail) -> None:
    begin(MAIN)
    env = {**NOWHERE, "GIT_DIR": ".git", "GIT_INDEX_FILE": "nowhere"}
    assert sqlrail("lint", "--against", "main", env=env).code == 0

"""Reports in one file of HTML: what the text says, every name as text, and nothing that is fetched or run."""

from __future__ import annotations

from html.parser import HTMLParser

from conftest import query
from console import Sqlrail, put
from console import sqlrail as sqlrail

HOSTILE = "<script>alert(1)</script>&\"'"


class Page(HTMLParser):
    """A page's elements, and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "td" in self.open:
            self.cells[-1] += data


def harmless(page: Page) -> None:
    """It runs nothing, and fetches nothing: no script, no link, no picture, no style of somebody else's."""
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "ul", "li", "div", "table", "tr",
        "th", "td", "details", "summary", "pre",
    }  # fmt: skip
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class"}


def test_a_history_is_what_status_says(sqlrail: Sqlrail, database: str) -> None:
    name = f"002_{HOSTILE}".replace("/", "|")
    put({"migrations/001_a.sql": "CREATE TABLE a ();\n", f"migrations/{name}.sql": "CREATE TABLE b ();\n"})
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "staging"}
    assert sqlrail("migrate", "--to", "001", env=env).code == 0
    put({"migrations/001_a.sql": "CREATE TABLE a (id int);\n"})
    done = sqlrail("status", "--check", "--format", "html", env=env)
    page = Page(done.out)
    harmless(page)
    assert done.code == 4
    assert page.cells[0:2] == ["001_a", "edited"]
    assert page.cells[3:5] == [name, "pending"]
    for said in "1 applied, 1 pending", "it is not what was applied", "environment staging":
        assert said in page.text


def test_it_is_of_one_database(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE a ();\n"})
    for verb in "status", "plan":
        done = sqlrail(verb, "--format", "html", "--each", "SELECT 'a'", env={"DATABASE_URL": database})
        assert (done.code, done.out) == (2, "")
        assert "--format has no effect here: the report is of one database" in done.err
    assert query(database, "SELECT to_regclass('_yoyo_migration')") == [(None,)]


def test_a_plan_is_what_plan_says(sqlrail: Sqlrail, database: str) -> None:
    env = {"DATABASE_URL": database, "SQLRAIL_ENV": "staging"}
    table = '"' + HOSTILE.replace('"', '""') + '"'
    put({"migrations/001_a.sql": f"CREATE TABLE {table} (id int, x int, gone int);\n"})
    assert sqlrail("migrate", env=env).code == 0
    query(
        database, f"INSERT INTO {table} SELECT n, nullif(n, 7), n FROM generate_series(1, 2000) AS n; ANALYZE"
    )
    text = (
        f"ALTER TABLE {table} ALTER x SET NOT NULL;\n"
        f"ALTER TABLE {table} DROP COLUMN gone;\n-- {HOSTILE} </pre></details>\n"
    )
    put({"migrations/002_b.sql": text, "migrations/003_c.sql": "CREATE TABLE c ();\n"})
    page = Page(sqlrail("plan", "--format", "html", env=env).out)
    harmless(page)
    for said in (
        "2 pending: 1 loses data, 1 instant", "002_bloses data", "003_cinstant", "loses column public.",
        "2,000 rows (dropped)", "line 1 fails: 1 row of public.", "ACCESS EXCLUSIVE", "environment staging", text,
    ):  # fmt: skip
        assert said in page.text
    assert any(f"ALTER TABLE {table} ALTER x SET NOT NULL" == cell for cell in page.cells)


def test_nothing_pending_is_a_page_too(sqlrail: Sqlrail, database: str) -> None:
    put({"migrations/001_a.sql": "CREATE TABLE a ();\n"})
    assert sqlrail("migrate", env={"DATABASE_URL": database}).code == 0
    page = Page(sqlrail("plan", "--format", "html", env={"DATABASE_URL": database}).out)
    harmless(page)
    assert "nothing to plan: 1 applied, none pending" in page.text

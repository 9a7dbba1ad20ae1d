"""What plan says of cases, what then happens to them on a copy of the database, and where the two differ."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from cases import Case
from console import Sqlrail
from copies import copy_of

Document = dict[str, Any]


@dataclass(frozen=True)
class Happened:
    """How a file ended; no line if it passed."""

    line: int | None = None
    message: str = ""

    @property
    def failed(self) -> bool:
        return self.line is not None


@dataclass(frozen=True)
class Offenders:
    """The rows that are in the way of a statement."""

    rows: int
    ids: frozenset[str]


class Stage:
    """A live database with the rows of cases, and a folder in which their files are pending."""

    def __init__(
        self, url: str, folder: Path, cases: Sequence[Case], sqlrail: Sqlrail, more: str = ""
    ) -> None:
        """more: what is applied besides."""
        self.url, self.folder, self.cases, self.sqlrail = url, folder, cases, sqlrail
        folder.mkdir()
        self._apply("0001_made", "\n".join([more, *(case.made for case in cases)]))
        with psycopg.connect(url) as connection:
            for case in cases:
                connection.execute(case.rows.encode())
        self._apply("0002_late", "\n".join(case.late for case in cases if case.late) or "SELECT")
        for case in cases:
            (folder / f"{case.id}.sql").write_text(case.text)
            if case.earlier:
                (folder / f"{case.earlier_id}.sql").write_text(case.earlier + "\n")

    def plan(self, *flags: str) -> dict[str, Document]:
        """What plan says of each pending file, by its id."""
        return {file["id"]: file for file in self._planned(self.folder, *flags)["files"]}

    def trial(self) -> dict[str, Document]:
        """What plan says with a trial, by id.

        Behind a file that fails not all can be tried, as nothing of it runs in a migrate: that is planned for without.
        """
        found: dict[str, Document] = {}
        folder = self.folder.with_name(f"{self.folder.name}-trial")
        shutil.copytree(self.folder, folder)
        waiting = list(self.cases)
        while waiting:
            document = self._planned(folder, "--try")
            files = {file["id"]: file for file in document["files"]}
            late = [case for case in waiting if case.id in document["trial"]["not_tried"]]
            done = [case for case in waiting if case not in late] or waiting
            for case in done:
                found[case.id] = files[case.id]
                for name in (case.id, case.earlier_id):
                    (folder / f"{name}.sql").unlink(missing_ok=True)
            waiting = [case for case in waiting if case not in done]
        shutil.rmtree(folder)
        return found

    def refusals(self) -> tuple[Document, Document]:
        """The errors in which plan ends, and a migrate, where a file fails without any rows."""
        planned, happened = (self._call(verb, self.url, self.folder).error for verb in ("plan", "migrate"))
        return planned["place"], happened["place"]

    def happens(self) -> dict[str, Happened]:
        """What a migrate makes of each file on a copy; one that fails is taken away, and the next ones go on."""
        found: dict[str, Happened] = {}
        folder = self.folder.with_name(f"{self.folder.name}-copy")
        shutil.copytree(self.folder, folder)
        # A file that fails outside a transaction has to be done with before others: such go last.
        outside = [folder / f"{case.id}.sql" for case in self.cases if case.kind.outside]
        for path in outside:
            path.unlink()
        with copy_of(self.url) as copy:
            for more in [None, *outside]:
                if more:
                    shutil.copy(self.folder / more.name, more)
                while (
                    outcome := self._call("migrate", copy, folder, "--allow-late", "--allow-missing")
                ).code:
                    place = outcome.error["place"]
                    path = Path(place["path"])
                    found[path.stem] = Happened(place["line"], outcome.error["message"])
                    path.unlink()
                    if path in outside:
                        break
        shutil.rmtree(folder)
        return {case.id: found.get(case.id, Happened()) for case in self.cases}

    def _apply(self, name: str, text: str) -> None:
        (self.folder / f"{name}.sql").write_text(text + "\n")
        outcome = self._call("migrate", self.url, self.folder)
        assert outcome.code == 0, outcome.all_err

    def _planned(self, folder: Path, *flags: str) -> Document:
        outcome = self._call("plan", self.url, folder, *flags)
        assert outcome.code == 0, (outcome.out, outcome.all_err)
        document: Document = outcome.document
        return document

    def _call(self, verb: str, url: str, folder: Path, *flags: str) -> Any:
        arguments = ["--database-url", url, "--migrations", str(folder), "--json", verb, *flags]
        return self.sqlrail(*arguments, env={"APP_ENV": "test"})


def offenders(connection: psycopg.Connection[Any], case: Case) -> Offenders:
    """The rows that the statement stumbles over, as it says itself: it is tried on more and more of the table's rows.

    A row on which it fails stays away. So of equal keys the first one stays, as with a constraint that is there.
    """
    kept: list[str] = []
    ids: dict[str, str] = {}
    with connection.transaction(force_rollback=True):
        # No trigger and no key says anything about rows that are only away for a try.
        connection.execute("SET LOCAL session_replication_role = replica")
        rows = f"SELECT tableoid || ' ' || ctid, id::text FROM {case.table} ORDER BY id"
        for row, number in connection.execute(rows.encode()).fetchall():
            if _passes(connection, case, [*kept, row]):
                kept.append(row)
            else:
                ids[row] = number
    return Offenders(len(ids), frozenset(ids.values()))


def _passes(connection: psycopg.Connection[Any], case: Case, rows: list[str]) -> bool:
    away = f"DELETE FROM {case.table} WHERE tableoid || ' ' || ctid <> ALL (%s)"
    statements = f"{case.prelude}\n{case.statement}\nSET CONSTRAINTS ALL IMMEDIATE".replace(
        " CONCURRENTLY", ""
    )
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(away.encode(), [rows])
            connection.execute(statements.encode())
    except psycopg.Error:
        return False
    return True


def differences(
    case: Case, planned: Document, happened: Happened, offending: Offenders | None, *, tried: bool = False
) -> Iterator[str]:
    """Where plan is wrong about a case. Without the trial a file that writes rows may be left undecided."""
    checks = [(it["line"], check) for it in planned["statements"] for check in it["checks"]]
    fails = [(line, check) for line, check in checks if check["verdict"] == "fails"]
    doubts = [check for _, check in checks if check["verdict"] in ("fails unless", "unknown")]
    if fails and not happened.failed:
        yield f"wrong fails: {fails[0][1]}"
    if happened.failed and not fails and not doubts and (tried or case.kind.what):
        yield f"wrong passes: line {happened.line}: {happened.message}"
    if fails and happened.failed:
        yield from _wrong_words(fails, happened)
    if (fails and planned["verdict"] not in ("fails", "loses data")) or (
        planned["verdict"] == "fails" and not fails
    ):
        yield f"the file's verdict is {planned['verdict']}"
    if any(check["verdict"] == "fails unless" for check in doubts) and (tried or not case.writes):
        yield f"nothing can mend or spoil it: {doubts[0]}"
    if (
        not tried
        and case.kind.what not in ("", "-")
        and all(check["kind"] != case.kind.what for _, check in checks)
    ):
        yield f"no check of the kind {case.kind.what}: {[check['kind'] for _, check in checks]}"
    if fails and offending and not case.writes:
        yield from _wrong_rows([check for _, check in fails], offending)


def _wrong_words(fails: list[tuple[int, Document]], happened: Happened) -> Iterator[str]:
    line = fails[0][0]
    if line != happened.line:
        yield f"fails in line {happened.line}, not in line {line}"
    elif not any(_is_said(check, happened.message) for _, check in fails):
        yield f"says {[check['says'] for _, check in fails]}, and not: {happened.message}"


def _is_said(check: Document, message: str) -> bool:
    """Whether PostgreSQL says so: a sentence that may show a value, of a type or of somebody's code, plan replaces."""
    said, schema = check["says"], check["relation"].partition(".")[0]
    if said and check["kind"] in ("type", "domain", "generated", "other"):
        return True
    return bool(said) and said.replace(f"{schema}.", "") in message.replace(f"{schema}.", "")


def _wrong_rows(fails: list[Document], offending: Offenders) -> Iterator[str]:
    def what(check: Document) -> tuple[str, ...]:
        return (check["kind"], check["name"] or "", *check["columns"])

    if any(check["rows"] is None for check in fails):
        if not all(check["tried"] for check in fails):  # the trial ends with the first row, and counts none
            yield f"fails, and nobody knows how many rows: {fails}"
        return
    # The partitions of a table, and its heirs, speak each for itself.
    by_what = [
        sum(check["rows"] for check in group) for _, group in itertools.groupby(sorted(fails, key=what), what)
    ]
    most = sum(by_what)
    if not max(by_what) <= offending.rows <= most:
        yield f"{most} rows, and not {offending.rows}: {fails}"
    for check in fails:
        named = {key["id"] for key in check["keys"] if "id" in key}
        if check["kind"] not in ("unique", "exclusion") and not named <= offending.ids:
            yield f"keys {sorted(named - offending.ids)} are not in the way"
        if check["keys"] and len(check["keys"]) != min(5, check["rows"]):
            yield f"{len(check['keys'])} keys of {check['rows']} rows"


def is_undecided(planned: Document) -> bool:
    """Whether plan does not know what becomes of a file."""
    verdicts = [check["verdict"] for it in planned["statements"] for check in it["checks"]]
    return "fails" not in verdicts and ("unknown" in verdicts or "fails unless" in verdicts)

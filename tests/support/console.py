"""The command line called in this process: 50 ms a call."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import clean_environment, query, told

from sqlrail.cli import main as cli

#: everything that a run may have made or changed, and the two things that it is allowed to make
CATALOG = """
    WITH n AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
    SELECT 'schema ' || nspname || coalesce(' ' || nspacl::text, '') FROM n JOIN pg_namespace USING (oid, nspname)
    UNION ALL SELECT concat_ws(' ', 'class', nspname, relname, relkind, relfilenode, relacl)
      FROM pg_class JOIN n ON n.oid = relnamespace
    UNION ALL SELECT concat_ws(' ', 'column', nspname, relname, attname, atttypid, attnotnull)
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN n ON n.oid = relnamespace WHERE attnum > 0
    UNION ALL SELECT concat_ws(' ', 'constraint', nspname, conname, contype, convalidated)
      FROM pg_constraint JOIN n ON n.oid = connamespace
    UNION ALL SELECT concat_ws(' ', 'function', nspname, proname, md5(prosrc))
      FROM pg_proc JOIN n ON n.oid = pronamespace
    UNION ALL SELECT concat_ws(' ', 'setting', setdatabase, setrole, setconfig::text) FROM pg_db_role_setting
"""


@dataclass(frozen=True)
class Outcome:
    """What a call returned and printed."""

    code: int
    out: str
    err: str
    all_err: str = ""  # with what each run says

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout, but for where the run was; more, or less, is an error."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        document.pop("target", None)
        return document

    @property
    def error(self) -> dict[str, Any]:
        error = self.document["error"]
        assert isinstance(error, dict)
        assert error["exit_code"] == self.code
        return error


Sqlrail = Callable[..., Outcome]


def called(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Calls the command line with that environment and no more; its exit code."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    environment = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        return cli.main(arguments)
    except SystemExit as exc:  # argparse leaves by itself after --help and --version
        return int(exc.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in signals.items():
            signal.signal(number, handler)


@pytest.fixture
def sqlrail(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sqlrail:
    """Calls the command line in an empty folder, with nothing in the environment but what a call gives it."""
    basics = clean_environment()
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, env: Mapping[str, str] | None = None) -> Outcome:
        capsys.readouterr()
        code = called(arguments, {**basics, **(env or {})})
        captured = capsys.readouterr()
        return Outcome(code, captured.out, told(captured.err), captured.err)

    return call


def put(files: Mapping[str, str | bytes], folder: Path = Path()) -> None:
    """Writes files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def catalog(url: str) -> set[str]:
    """Everything in the database that is not PostgreSQL's own."""
    return {line for (line,) in query(url, CATALOG)}


def foreign(lines: set[str]) -> set[str]:
    """Those of them that are neither yoyo's nor ours."""
    return {line for line in lines if "yoyo" not in line and " sqlrail" not in line}

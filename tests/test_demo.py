"""What `make demo` shows, and that nothing of it stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, query
from console import catalog
from test_seed import ORPHAN

SCRATCH = "SELECT datname FROM pg_database WHERE datname ~ '^sqlrail_scratch_'"


def begin(url: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, ROOT / "demo.py"],
        env={**clean_environment(), "DATABASE_URL": url, "APP_ENV": "production"},
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_demo_tells_the_story_and_leaves_nothing(database: str, tmp_path: Path) -> None:
    query(database, "CREATE TABLE users (id int)")
    before = catalog(database)
    demo = begin(database, tmp_path)
    out, err = demo.communicate(timeout=60)
    assert (demo.returncode, err) == (0, "")
    for line in (
        'violates foreign key constraint "usage_analytics_user_id_fkey"',
        f'DETAIL:  Key (user_id)=({ORPHAN}) is not present in table "users".',
        "usage_analytics.user_id -> users.id: 1 row deleted, 1 row archived (run 1)",
        f"usage_analytics.user_id -> users.id | {ORPHAN} | login",
        "done: 1 row of run 1 restored as run 2, 0 left in the archive",
        "4 applied, 0 pending",
    ):
        assert f"{line}\n" in out
    assert catalog(database) == before
    assert query(database, SCRATCH) == []


@pytest.mark.promise
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_leaves_nothing(
    database: str, tmp_path: Path, number: signal.Signals
) -> None:
    with begin(database, tmp_path) as demo:
        assert demo.stdout
        while "$ sqlrail migrate" not in demo.stdout.readline():
            pass
        demo.send_signal(number)
        _, err = demo.communicate(timeout=60)
    assert demo.returncode == 128 + number
    assert err.startswith("interrupted")
    assert "Traceback" not in err
    assert query(database, SCRATCH) == []


def test_a_demo_without_a_database_says_so(tmp_path: Path) -> None:
    with begin("postgresql://app:secret@127.0.0.1:1/app", tmp_path) as demo:
        out, err = demo.communicate(timeout=60)
    assert (demo.returncode, out) == (1, "")
    assert err.startswith("cannot connect to app@127.0.0.1:1/app")

"""The embedded server: real processes, killed and crowded and shut out; what counts is what is left."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import FAST, ROOT, clean_environment, majors, open_folder, query
from waiting import wait_for

from sqlrail.errors import LocalServerFailed, MissingPrerequisite
from sqlrail.server import local, place

pytestmark = [
    pytest.mark.promise,
    pytest.mark.skipif(not majors(), reason="no PostgreSQL server is installed"),
]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

STARTER = """
import sys
from pathlib import Path
from sqlrail.server import local
server = local.start(Path(sys.argv[1]), bin=Path(sys.argv[2]), options={"fsync": "off"})
print(server.pid, server.started, flush=True)
sys.stdin.read()
"""
BORROWER = """
import sys
from pathlib import Path
from sqlrail.server import local
with local.borrowed(Path(sys.argv[1])) as server:
    print(server.pid, server.started, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def home(folder: Path) -> Iterator[Path]:
    path = folder / ".pgdata"
    yield path
    local.stop(path)


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """The folder of a server that was started and stopped again."""
    with open_folder() as path:
        start(path / ".pgdata")
        local.stop(path / ".pgdata")
        yield path / ".pgdata"


@pytest.fixture
def made(home: Path, prepared: Path) -> Path:
    """A copy of the prepared folder: ten times as fast as a first start."""
    subprocess.run(["/bin/cp", "-a", prepared, home], check=True)
    return home


def start(home: Path) -> local.Server:
    # synchronous_commit stays on: what is committed has to outlive a kill.
    return local.start(home, bin=majors()[max(majors())], options={"fsync": "off"})


def starter(home: Path, program: str = STARTER) -> subprocess.Popen[str]:
    """Another process that starts the server, and then waits for the end of its input."""
    return subprocess.Popen(
        [sys.executable, "-c", program, home, majors()[max(majors())]],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def processes(path: Path) -> dict[int, list[str]]:
    """The command lines that begin with a program of PostgreSQL's and name the path, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            continue
        if Path(line[0]).name in ("postgres", "initdb") and any(str(path) in part for part in line[1:]):
            found[int(entry.name)] = line
    return found


def gone(pid: int) -> bool:
    """Whether the process has ended; the machine's first process may be slow to bury it."""
    state = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] in ("", "Z")


def as_account(name: str | int, function: Callable[[], object]) -> str:
    """What the function returns, or the error it raises, in a process of that account.

    Forked, not executed: the interpreter may lie where only root can reach it.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            entry = pwd.getpwnam(name) if isinstance(name, str) else None
            os.setgroups([])
            os.setgid(entry.pw_gid if entry else int(name))
            os.setuid(entry.pw_uid if entry else int(name))
            os.chdir("/")
            answer = str(function())
        except BaseException as exc:
            answer = f"{type(exc).__name__}: {exc}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer


def psql(server: local.Server, statement: str) -> str:
    """What psql says, on either channel."""
    done = subprocess.run(
        [server.bin / "psql", "-XAtc", statement, server.url], capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


def test_a_first_start_makes_the_database_and_a_second_finds_it(home: Path) -> None:
    first = start(home)
    query(first.url, "CREATE TABLE kept AS SELECT 1 AS n")
    second = start(home)
    assert (first.started, second.started) == (True, False)
    assert (first.pid, first.url) == (second.pid, second.url)
    assert query(second.url, "SELECT n, current_database(), current_user FROM kept") == [
        (1, "app", "postgres")
    ]


def test_a_stopped_server_keeps_its_rows_and_leaves_no_process(made: Path) -> None:
    server = start(made)
    query(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
    assert local.stop(made) is True
    wait_for(lambda: gone(server.pid), "its last process has ended")
    assert not (made / "data" / "postmaster.pid").exists()
    assert local.stop(made) is False
    assert query(start(made).url, "SELECT n FROM kept") == [(1,)]


def test_a_borrowed_server_is_stopped_by_the_last_who_needs_it(home: Path) -> None:
    one, other = ExitStack(), ExitStack()
    with one, other:
        server = one.enter_context(local.borrowed(home))
        assert other.enter_context(local.borrowed(home)).pid == server.pid
        one.close()
        assert query(server.url, "SELECT 1") == [(1,)]
    wait_for(lambda: gone(server.pid), "its last process has ended")


def test_a_borrowed_server_that_ran_before_goes_on(made: Path) -> None:
    server = start(made)
    with local.borrowed(made) as borrowed:
        assert borrowed.pid == server.pid
    assert query(server.url, "SELECT 1") == [(1,)]


def test_what_a_killed_borrower_started_is_stopped_by_the_next(made: Path) -> None:
    with starter(made, BORROWER) as killed:
        assert killed.stdout
        pid = int(killed.stdout.readline().split()[0])
        killed.kill()
    assert not gone(pid)
    with local.borrowed(made) as borrowed:
        assert borrowed.pid == pid
    wait_for(lambda: gone(pid), "its last process has ended")


def test_stopping_what_was_never_started_leaves_no_folder(folder: Path) -> None:
    assert local.stop(folder / ".pgdata") is False
    assert list(folder.iterdir()) == []


def test_it_is_durable_and_off_the_network_unless_told_otherwise(home: Path) -> None:
    server = local.start(home, bin=majors()[max(majors())], options={"work_mem": "7MB"})
    names = ["fsync", "full_page_writes", "listen_addresses", "server_encoding", "work_mem"]
    rows = query(server.url, "SELECT setting FROM unnest(%s::text[]) n, current_setting(n) setting", [names])
    assert rows == [("on",), ("on",), ("",), ("UTF8",), ("7MB",)]


def test_the_locale_is_the_same_everywhere(any_database: str) -> None:
    assert query(any_database, "SELECT 'Z' < 'a', upper('ß-x'), length('é')") == [(True, "ß-X", 1)]


@on_linux
def test_eight_starts_at_once_give_one_server(home: Path) -> None:
    starters = [starter(home) for _ in range(8)]
    answers = [each.communicate("")[0].split() for each in starters]
    assert len({pid for pid, _ in answers}) == 1
    assert sorted(started for _, started in answers) == ["False"] * 7 + ["True"]
    assert [str(pid) for pid in processes(home)] == [answers[0][0]]


@on_linux
def test_a_killed_server_comes_back_with_its_rows(made: Path) -> None:
    server = start(made)
    query(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: gone(server.pid), "its last process has ended")
    again = start(made)
    assert again.started
    assert query(again.url, "SELECT n FROM kept") == [(1,)]
    assert list(processes(made)) == [again.pid]


def test_a_folder_deleted_under_a_running_server_is_made_anew(made: Path) -> None:
    old = start(made)
    shutil.rmtree(made)
    try:
        new = start(made)
        assert new.started
        assert new.pid != old.pid
        assert query(new.url, "SELECT current_database()") == [("app",)]
    finally:
        os.kill(old.pid, signal.SIGQUIT)


def test_a_folder_moved_under_a_running_server_is_found(made: Path) -> None:
    old = start(made)
    moved = made.rename(made.with_name("moved"))
    try:
        again = start(moved)
        assert (again.pid, again.started) == (old.pid, False)
        assert query(again.url, "SELECT 1") == [(1,)]
    finally:
        assert local.stop(moved) is True


def test_a_copy_of_a_running_server_is_a_server_of_its_own(made: Path) -> None:
    original = start(made)
    copied = made.with_name("copied")
    subprocess.run(["/bin/cp", "-a", made, copied], check=True)
    try:
        copy = start(copied)
        assert copy.started
        query(copy.url, "CREATE TABLE mine AS SELECT 1 AS n")
        assert query(original.url, "SELECT to_regclass('mine')") == [(None,)]
    finally:
        assert local.stop(copied) is True
    assert query(original.url, "SELECT 1") == [(1,)]


@on_linux
def test_a_server_that_someone_started_by_hand_is_left_alone(made: Path) -> None:
    owner = made.joinpath("data").stat().st_uid if os.geteuid() == 0 else None
    data = made / "data"
    by_hand = [
        str(majors()[max(majors())] / "postgres"),
        "-D",
        str(data),
        "-k",
        str(data),
        "-c",
        "listen_addresses=",
    ]
    with subprocess.Popen(by_hand, user=owner, stderr=subprocess.DEVNULL) as theirs:
        wait_for(lambda: theirs.poll() is not None or (data / ".s.PGSQL.5432").exists(), "it listens")
        wait_for(lambda: b"ready" in (data / "postmaster.pid").read_bytes(), "it is ready")
        with pytest.raises(LocalServerFailed, match=f"Process {theirs.pid} was started on .* by hand"):
            start(made)
        assert local.stop(made) is False
        assert theirs.poll() is None
        theirs.send_signal(signal.SIGINT)
    assert start(made).started


@pytest.mark.parametrize("state", ["alive", "zombie", "nobody"])
def test_a_pid_that_is_no_longer_ours_is_no_obstacle(made: Path, state: str) -> None:
    server = start(made)
    notes = [made / "data" / "postmaster.pid", made / "socket" / ".s.PGSQL.5432.lock"]
    texts = [note.read_text() for note in notes]
    local.stop(made)
    with subprocess.Popen(["sleep", "60"] if state == "alive" else ["true"]) as stranger:
        if state == "zombie":
            os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)
        elif state == "nobody":
            stranger.wait()
        for note, text in zip(notes, texts, strict=True):
            note.write_text(text.replace(str(server.pid), str(stranger.pid), 1))
        assert local.stop(made) is False
        again = start(made)
        assert again.started
        assert query(again.url, "SELECT 1") == [(1,)]
        if state == "alive":
            assert stranger.poll() is None
            stranger.kill()


@on_linux
@pytest.mark.parametrize("victim", ["initdb", "starter"])
def test_an_interrupted_initdb_is_repaired(home: Path, victim: str) -> None:
    def initdb() -> list[int]:
        return [pid for pid, line in processes(home).items() if line[0].endswith("initdb")]

    with starter(home) as other:
        wait_for(initdb, "initdb runs")
        for pid in initdb() if victim == "initdb" else [other.pid]:
            os.kill(pid, signal.SIGKILL)
        other.communicate("")
    server = start(home)
    assert query(server.url, "SELECT current_database()") == [("app",)]
    assert list(home.glob("new-*")) == []
    assert list(processes(home)) == [server.pid]


@on_linux
@pytest.mark.parametrize("milestone", ["lock", "new-*", "new-*/PG_VERSION", "data", "data/postmaster.pid"])
def test_a_starter_killed_at_any_step_leaves_a_startable_server(home: Path, milestone: str) -> None:
    with starter(home) as other:
        wait_for(lambda: any(home.glob(milestone)), milestone)
        other.kill()
        other.communicate()
    server = start(home)
    assert query(server.url, "SELECT current_database()") == [("app",)]
    assert list(processes(home)) == [server.pid]


def test_the_server_outlives_the_command_that_started_it(made: Path) -> None:
    with starter(made) as other:
        assert other.stdout
        pid = int(other.stdout.readline().split()[0])
        assert os.getsid(pid) != os.getsid(other.pid)
        other.kill()
        other.communicate()
    again = start(made)
    assert (again.pid, again.started) == (pid, False)
    assert query(again.url, "SELECT 1") == [(1,)]


def test_a_server_started_with_stdin_closed_is_found_again_and_stopped(home: Path) -> None:
    migrations = home.parent / "migrations"
    migrations.mkdir()
    (migrations / "001_a.sql").write_text("CREATE TABLE a (id int);\n")

    def sqlrail(verb: str, shell: str = 'exec "$@"') -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", shell, "sh", sys.executable, ROOT / "runner.py", verb],
            cwd=home.parent,
            env={**clean_environment(), "APP_ENV": "development"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    first = sqlrail("migrate", 'exec "$@" <&-')
    assert first.returncode == 0, first.stderr
    assert "starting PostgreSQL" in first.stderr
    second = sqlrail("status")
    assert (second.returncode, second.stdout.splitlines()[-1]) == (0, "1 applied, 0 pending"), second.stderr
    assert "starting PostgreSQL" not in second.stderr
    stopped = sqlrail("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    if sys.platform == "linux":
        assert processes(home) == {}


def test_no_zombie_is_left_in_the_starting_process(made: Path) -> None:
    start(made)
    local.stop(made)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@on_linux
def test_the_server_knows_no_secret_of_ours(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "PGDATA", "PGPORT", "DATABASE_URL"):
        monkeypatch.setenv(name, "5999")
    server = start(made)
    environment = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"5999" not in environment
    assert (made / "socket" / ".s.PGSQL.5432").exists()


@pytest.mark.parametrize(
    "name",
    ["with space", "com,ma", 'it\'s "quoted"', "100% $HOME `x` \\", "grün", "x" * 140, "a=b;c&d#e?f"],
    ids=["space", "comma", "quotes", "shell", "unicode", "long", "url"],
)
def test_the_path_may_hold_anything(folder: Path, name: str) -> None:
    home = folder / name / ".pgdata"
    (folder / name).mkdir(mode=0o755)
    try:
        server = start(home)
        sockets = home.joinpath("socket").resolve()
        assert server.data == home / "data"
        assert query(server.url, "SELECT current_database()") == [("app",)]
        assert psql(server, "SELECT current_database()") == "app"
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert start(home).pid == server.pid
    finally:
        local.stop(home)
    assert home / "socket" == sockets or not sockets.exists(), "the folder in /tmp is taken away again"


def test_a_socket_folder_that_others_may_write_in_is_not_used(folder: Path) -> None:
    home = folder / ("x" * 140) / ".pgdata"
    home.parent.mkdir(mode=0o755)
    trap = folder / "trap"
    try:
        start(home)
        local.stop(home)
        trap.mkdir()
        trap.chmod(0o777)
        (home / "socket").symlink_to(trap)
        server = start(home)
        assert query(server.url, "SELECT 1") == [(1,)]
        assert list(trap.iterdir()) == []
    finally:
        local.stop(home)


@as_root
def test_nobody_else_on_the_machine_can_connect(made: Path) -> None:
    server = start(made)
    assert "Permission denied" in as_account("daemon", lambda: psql(server, "SELECT 1"))
    # Even with every door open the server asks the kernel who is there.
    (made / "socket").chmod(0o755)
    (made / "socket" / ".s.PGSQL.5432").chmod(0o777)
    assert 'Peer authentication failed for user "postgres"' in as_account(
        "daemon", lambda: psql(server, "SELECT 1")
    )
    assert psql(server, "SELECT 1") == "1"


@as_root
def test_nobody_else_on_the_machine_can_read_the_data(made: Path) -> None:
    start(made)
    assert "PermissionError" in as_account("daemon", lambda: list((made / "data").iterdir()))
    assert "PermissionError" in as_account("daemon", lambda: (made / "log").read_text())
    assert "PermissionError" in as_account("daemon", lambda: list(made.iterdir()))


@as_root
def test_a_closed_project_folder_of_root_stays_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ELSEWHERE", folder / "elsewhere")
    closed = folder / "root"
    closed.mkdir(mode=0o700)
    home = closed / "project" / ".pgdata"
    home.parent.mkdir()
    try:
        server = start(home)
        query(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
        assert local.stop(home) is True
        again = start(home)
        assert server.data.parent.parent == folder / "elsewhere"
        assert query(again.url, "SELECT n FROM kept") == [(1,)]
        assert closed.stat().st_mode & 0o777 == 0o700
        assert list(home.parent.iterdir()) == []
        assert "PermissionError" in as_account("daemon", lambda: list(again.data.iterdir()))
    finally:
        local.stop(home)


@as_root
def test_binaries_that_only_root_can_reach_are_copied(folder: Path, home: Path) -> None:
    original = majors()[max(majors())]
    closed = folder / "venv" / original.parents[1].name
    shutil.copytree(original.parent, closed / original.parent.name, symlinks=True)
    libraries = closed.with_name(closed.name + ".libs")
    if (original.parents[2] / libraries.name).exists():
        shutil.copytree(original.parents[2] / libraries.name, libraries)
    (folder / "venv").chmod(0o700)
    server = local.start(home, bin=closed / original.parent.name / "bin", options=FAST)
    assert query(server.url, "SELECT 1") == [(1,)]
    assert (folder / "venv").stat().st_mode & 0o777 == 0o700


@as_root
def test_a_normal_user_starts_it_in_a_home_that_is_closed_to_others(folder: Path) -> None:
    user = pwd.getpwnam("daemon")
    binaries = place.within_reach(majors()[max(majors())], place.Place(folder, user))
    home = folder / "daemon" / ".pgdata"
    home.parent.mkdir(mode=0o700)
    os.chown(home.parent, user.pw_uid, user.pw_gid)

    def start_and_ask() -> str:
        server = local.start(home, bin=binaries, options=FAST)
        return f"{psql(server, 'SELECT current_database()')} {home.stat().st_mode & 0o777:o} {server.pid}"

    database, mode, pid = as_account("daemon", start_and_ask).split()
    try:
        assert (database, mode) == ("app", "700")
        assert Path(f"/proc/{pid}").stat().st_uid == user.pw_uid
        assert home.parent.stat().st_mode & 0o777 == 0o700
    finally:
        assert as_account("daemon", lambda: local.stop(home)) == "True"


@as_root
def test_without_an_account_postgres_it_runs_as_nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ACCOUNTS", ("no-such-account", "nobody"))
    server = start(home)
    assert query(server.url, "SELECT 1") == [(1,)]
    assert server.data.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    local.stop(home)
    # An account that comes later does not lock the data out.
    monkeypatch.undo()
    assert query(start(home).url, "SELECT 1") == [(1,)]


@as_root
def test_another_users_server_is_refused_in_one_sentence(made: Path) -> None:
    start(made)
    answer = as_account("daemon", lambda: start(made))
    assert answer.startswith("LocalServerFailed: ")
    assert "run this as its owner" in answer


@as_root
def test_a_user_id_without_a_passwd_entry_is_told_so(folder: Path) -> None:
    answer = as_account(54321, lambda: start(folder / ".pgdata"))
    assert answer.startswith("MissingPrerequisite: User id 54321 has no entry in /etc/passwd")


@pytest.mark.skipif(len(majors()) < 2, reason="only one major of PostgreSQL is installed")
def test_a_data_folder_of_another_major_is_named_and_not_touched(home: Path) -> None:
    old, new = min(majors()), max(majors())
    local.start(home, bin=majors()[old], options=FAST)
    local.stop(home)
    before = {path: path.stat().st_mtime_ns for path in (home / "data").rglob("*")}
    with pytest.raises(LocalServerFailed, match=rf"was made by PostgreSQL {old}; the PostgreSQL {new} here"):
        local.start(home, bin=majors()[new], options=FAST)
    assert {path: path.stat().st_mtime_ns for path in (home / "data").rglob("*")} == before
    assert local.start(home, bin=majors()[old], options=FAST).started


@as_root
@on_linux
def test_a_full_disk_is_reported_and_forgiven_once_there_is_room(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount")
    home = disk / ".pgdata"
    try:
        with pytest.raises(LocalServerFailed, match=r"No space left on device|Check free disk space"):
            start(home)
        assert not (home / "data").exists()
        assert list(home.glob("new-*")) == []
        subprocess.run(["/bin/mount", "-o", "remount,size=200m", disk], check=True)
        assert query(start(home).url, "SELECT current_database()") == [("app",)]
    finally:
        local.stop(home)
        subprocess.run(["/bin/umount", disk], check=True)


def test_a_server_that_cannot_start_shows_its_log(made: Path) -> None:
    start(made)
    local.stop(made)
    with pytest.raises(LocalServerFailed, match=r"does not start in(.|\n)*shared_buffers"):
        local.start(made, bin=majors()[max(majors())], options={"shared_buffers": "nonsense"})
    assert start(made).started


def test_a_file_in_the_place_of_the_folder_is_an_error(folder: Path) -> None:
    home = folder / ".pgdata"
    home.write_text("mine")
    with pytest.raises(LocalServerFailed, match=r"\.pgdata"):
        start(home)
    assert home.read_text() == "mine"


def test_a_folder_of_other_things_is_not_taken_over(folder: Path) -> None:
    home = folder / "src"
    home.mkdir(mode=0o755)
    (home / "main.py").write_text("")
    with pytest.raises(LocalServerFailed, match="holds other files"):
        start(home)
    assert home.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in home.iterdir()] == ["main.py"]


def test_a_link_in_the_place_of_the_folder_is_not_followed(folder: Path) -> None:
    target = folder / "target"
    target.mkdir(mode=0o755)
    (folder / ".pgdata").symlink_to(target)
    with pytest.raises(LocalServerFailed, match="is a symbolic link"):
        start(folder / ".pgdata")
    assert target.stat().st_mode & 0o777 == 0o755
    assert list(target.iterdir()) == []


def test_without_binaries_it_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "is_complete", lambda _: False)
    with pytest.raises(MissingPrerequisite, match="pip install"):
        local.find_binaries()

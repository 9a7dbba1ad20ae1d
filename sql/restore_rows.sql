-- The archived rows in the table's own types, generated columns too, each with its number in the archive.
CREATE TEMP TABLE {rows} (LIKE {table} INCLUDING GENERATED) ON COMMIT DROP;
ALTER TABLE {rows} ADD COLUMN {id} bigint PRIMARY KEY{nullable};

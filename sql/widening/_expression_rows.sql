-- Rows like a table's, of which none is read.
SELECT {columns} FROM pg_catalog.json_populate_record(NULL::{table}, '{{}}') AS t

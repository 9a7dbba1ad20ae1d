-- Rows that something forbids to touch.
SELECT pg_catalog.format({why}, count(*)) FROM {rows} AS place WHERE {condition} HAVING count(*) > 0

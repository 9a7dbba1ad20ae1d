-- Rows that would say nothing, because the row that stays has no such key.
SELECT pg_catalog.format({why}, count(*)) FROM {rows} AS place WHERE {is_null} HAVING count(*) > 0

-- How many rows.
(SELECT count(*) FROM {rows} AS place WHERE {condition})

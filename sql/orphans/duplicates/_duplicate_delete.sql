-- Rows that go.
{named} AS (
    DELETE FROM {table} AS c USING {rows} AS place
     WHERE c.ctid = place.tid AND c.tableoid = place.part
    RETURNING 1)

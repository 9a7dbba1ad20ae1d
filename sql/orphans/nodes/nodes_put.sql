-- Old values into rows on other nodes, as restore_put.sql has it; those that somebody has written since they were handed
-- over are not the same any more.
{writes}
WITH old AS MATERIALIZED (
    SELECT {columns}
      FROM {rows} AS r
      JOIN pg_temp.sqlrail_back AS b ON b.id = r.{id}
      JOIN pg_temp.sqlrail_now AS p ON {matches} AND {untouched}
     WHERE b.shape = {shape} AND b.n BETWEEN {first} AND {last} AND NOT b.back AND b.why IS NULL
), put AS (
    UPDATE {target} AS p SET {assignments}
      FROM old AS o
     WHERE {is_row} AND pg_catalog.record_image_eq(ROW({now}), ROW({seen}))
    RETURNING 1
), marked AS (
    UPDATE pg_temp.sqlrail_back SET back = true
     WHERE shape = {shape} AND n BETWEEN {first} AND {last} AND NOT back AND why IS NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM put), (SELECT count(*) FROM marked);
{ours}

-- Puts deleted rows back whose table lies on other nodes, as restore_put.sql does.
{writes}
WITH put AS (
    {change}
      FROM {rows} AS r
      JOIN pg_temp.sqlrail_back AS b ON b.id = r.{id}
     WHERE b.shape = {shape} AND b.n BETWEEN {first} AND {last} AND NOT b.back AND b.why IS NULL
       {condition}
    RETURNING 1
), marked AS (
    UPDATE pg_temp.sqlrail_back SET back = true
     WHERE shape = {shape} AND n BETWEEN {first} AND {last} AND NOT back AND why IS NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM put), (SELECT count(*) FROM marked);
{ours}

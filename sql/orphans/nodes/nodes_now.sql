-- The rows that stayed as their nodes have them by now, so that what a change left of them is looked at here.
{writes}
CREATE TEMP TABLE sqlrail_now ON COMMIT DROP AS
WITH wanted AS MATERIALIZED (
    SELECT {wanted}
      FROM {rows} AS r
      JOIN pg_temp.sqlrail_back AS b ON r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
)
SELECT p.* FROM {target} AS p WHERE EXISTS (SELECT 1 FROM wanted AS r WHERE {is_wanted});
{ours}
ANALYZE pg_temp.sqlrail_now;

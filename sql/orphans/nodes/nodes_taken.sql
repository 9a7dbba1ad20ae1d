-- A key that somebody else has by now, as restore_taken.sql has it, where the table's rows lie on other nodes: only the keys
-- are sent there.
{writes}
CREATE TEMP TABLE sqlrail_met ON COMMIT DROP AS
WITH wanted AS MATERIALIZED (
    SELECT {columns}
      FROM {rows} AS r
      JOIN pg_temp.sqlrail_back AS b ON r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
)
SELECT {keys} FROM wanted AS r JOIN {target} AS p ON {matches};
{ours}
UPDATE pg_temp.sqlrail_back AS b SET why = {why}
  FROM {rows} AS r
 WHERE r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
   AND EXISTS (SELECT FROM pg_temp.sqlrail_met AS p WHERE {matches});
{writes}
DROP TABLE pg_temp.sqlrail_met;
{ours}

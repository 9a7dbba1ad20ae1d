-- Rows without a parent stay, as restore_missing.sql has it, where parents lie on other nodes: only keys are sent there.
{holding}
{writes}
CREATE TEMP TABLE sqlrail_met ON COMMIT DROP AS
WITH wanted AS MATERIALIZED (
    SELECT DISTINCT {columns}
      FROM {rows} AS r
      JOIN pg_temp.sqlrail_back AS b ON r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
)
SELECT {keys} FROM wanted AS r JOIN {parent} AS p ON {matches};
{ours}
WITH marked AS (
    UPDATE pg_temp.sqlrail_back AS b SET why = {why}
      FROM {rows} AS r
     WHERE r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
       AND ({present}) AND NOT EXISTS (SELECT FROM pg_temp.sqlrail_met AS p WHERE {matches}){siblings}
    RETURNING b.id
)
SELECT count(*) FROM marked;
{writes}
DROP TABLE pg_temp.sqlrail_met;
{ours}

-- The keys of a batch. Never analyzed: the planner would then read an index from its beginning for each batch.
{writes}
CREATE TEMPORARY TABLE {batch} ON COMMIT DROP AS
{walk};
{seen}
{ours}
SELECT count(*), (SELECT ARRAY[{texts}] FROM pg_temp.{batch} AS t ORDER BY {last} LIMIT 1)
  FROM pg_temp.{batch};

-- The keys of a batch. Never analyzed: the planner would then read an index from its beginning for each batch.
{writes}
CREATE TEMPORARY TABLE sqlrail_batch ON COMMIT DROP AS
{walk};
{ours}
SELECT count(*), (SELECT ARRAY[{texts}] FROM pg_temp.sqlrail_batch AS t ORDER BY {last} LIMIT 1)
  FROM pg_temp.sqlrail_batch;

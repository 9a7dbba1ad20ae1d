-- How many these are.
{writes}
CREATE {staging} AS SELECT count(*) AS rows FROM pg_temp.sqlrail_gone;
{ours}

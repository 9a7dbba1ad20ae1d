-- How many these are.
{writes}
CREATE {staging} AS SELECT {handed_over} AS rows FROM pg_temp.sqlrail_gone AS c;
{ours}

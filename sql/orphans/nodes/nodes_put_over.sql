-- The next look is at the rows as they will be then.
{writes}
DROP TABLE pg_temp.sqlrail_now;
{ours}

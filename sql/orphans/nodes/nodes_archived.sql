-- It is in the archive, and gone.
{writes}
DROP TABLE pg_temp.sqlrail_gone;
{ours}

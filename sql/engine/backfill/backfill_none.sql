-- A batch without rows, for a file that is run on a scratch database: its statement changes nothing, and is checked.
{writes}
CREATE TEMPORARY TABLE sqlrail_batch ON COMMIT DROP AS
SELECT {columns} FROM {table} AS t LIMIT 0;
{ours}

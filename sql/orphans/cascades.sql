-- Rows of other tables that foreign keys would delete or change with them.
{writes}
CREATE TEMP TABLE IF NOT EXISTS sqlrail_cascade (
    source regclass,
    part oid,
    tid tid,
    action text,
    PRIMARY KEY (part, tid)
) ON COMMIT DROP;
{ours}
TRUNCATE pg_temp.sqlrail_cascade;

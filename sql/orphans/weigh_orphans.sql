-- What was found, counted, before anything is done about it.
-- Made once: each table that is made and dropped in a transaction holds its locks to the end, and rounds may be many.
{writes}
CREATE TEMP TABLE IF NOT EXISTS sqlrail_limit (
    max_rows bigint, max_share float8, relation text, expected bigint, orphans bigint, below bigint, before bigint,
    has_parents boolean, rows bigint, are text
) ON COMMIT DROP;
{ours}
TRUNCATE pg_temp.sqlrail_limit;
INSERT INTO pg_temp.sqlrail_limit
SELECT {max_rows}::bigint AS max_rows, {max_share}::float8 AS max_share, {relation}::text AS relation,
       {expected}::bigint AS expected,
       found.orphans, found.below,
       earlier.orphans AS before,
       {has_parents} AS has_parents,
       -- Counted only where it matters, and only as far: if there are as many, the share is kept.
       CASE WHEN found.orphans + earlier.orphans > {max_rows}
            THEN {enough}
                 + earlier.orphans END AS rows,
       {are}::text AS are
  FROM (SELECT {found} AS orphans, count(*) FILTER (WHERE {is_below}) AS below FROM pg_temp.sqlrail_orphan) AS found,
       {and_earlier};

DO $guard$
DECLARE
    it record;
BEGIN
    SELECT * INTO it FROM pg_temp.sqlrail_limit;
    -- NOT IN an empty set is true for every row: this would empty the table.
    IF it.orphans > 0 AND NOT it.has_parents THEN
        RAISE EXCEPTION 'the parent table is empty, so all % rows with a key would go', it.orphans
            USING ERRCODE = 'SR001',
                  HINT = 'Fill the parent table first; if it was emptied by mistake, restore it.';
    END IF;
    -- So many are more often a wrong line of cleanup, or lost parents, than rows to throw away.
    IF it.orphans + it.before > it.max_rows AND it.orphans + it.before > it.max_share * it.rows THEN
        RAISE EXCEPTION '% of % rows %, more than % rows and % %% of the table',
            it.orphans + it.before, it.rows, it.are, it.max_rows, it.max_share * 100
            USING ERRCODE = 'SR001',
                  HINT = 'To clean these rows anyway, allow it: --max-share or --max-rows.';
    END IF;
    -- Somebody is making more of them right now, by deleting parents say; what was looked at is not what would go.
    IF it.orphans + it.before - it.below - it.expected > it.max_rows
       AND it.orphans + it.before - it.below - it.expected > it.max_share * it.expected THEN
        RAISE EXCEPTION '% rows % now, and there were {at_most}% of them at the survey, a moment ago',
            it.orphans + it.before - it.below, it.are, it.expected
            USING ERRCODE = 'SR001',
                  HINT = 'Find out who makes them; then look again with --dry-run.';
    END IF;
END
$guard$;

-- Finds the orphans by an anti-join: it spills to disk and runs in parallel, whatever work_mem is.
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
SELECT c.tableoid AS part, c.ctid AS tid
  FROM {child} AS c
  LEFT JOIN {parent} AS p ON p.{key} = c.{column}
 WHERE c.{column} IS NOT NULL AND p.{key} IS NULL;

CREATE TEMP TABLE sqlrail_limit ON COMMIT DROP AS
SELECT {max_rows}::bigint AS max_rows, {max_share}::float8 AS max_share, {relation}::text AS relation,
       (SELECT count(*) FROM pg_temp.sqlrail_orphan) AS orphans,
       -- those of earlier rounds, where a table refers to itself
       {before}::bigint AS before,
       EXISTS (SELECT FROM {parent}) AS has_parents,
       -- Counted only where it matters.
       CASE WHEN (SELECT count(*) FROM pg_temp.sqlrail_orphan) + {before} > {max_rows}
            THEN (SELECT count(*) FROM {child}) + {before} END AS rows;

-- Rows of other tables that foreign keys would delete or change with them.
CREATE TEMP TABLE sqlrail_cascade (
    source regclass,
    part oid,
    tid tid,
    action text,
    PRIMARY KEY (part, tid)
) ON COMMIT DROP;

CREATE TEMP VIEW sqlrail_gone AS
SELECT part, tid FROM pg_temp.sqlrail_orphan
UNION ALL
SELECT part, tid FROM pg_temp.sqlrail_cascade WHERE action = 'cascade';

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
    -- Orphans on this scale are more often a wrong relation or lost parents than rows to throw away.
    IF it.orphans + it.before > it.max_rows AND it.orphans + it.before > it.max_share * it.rows THEN
        RAISE EXCEPTION '% of % rows are orphans, more than % rows and % %% of the table',
            it.orphans + it.before, it.rows, it.max_rows, it.max_share * 100
            USING ERRCODE = 'SR001',
                  HINT = 'If they shall go all the same, allow it: --max-share or --max-rows.';
    END IF;
END
$guard$;

-- The run, made once a transaction and only if there is something to delete; its number stays in a local setting.
WITH run AS (
    INSERT INTO sqlrail.run (verb, migration_id, actor)
    SELECT {verb}, {migration}, {actor}
      FROM pg_temp.sqlrail_limit
     WHERE orphans > 0 AND coalesce(current_setting('sqlrail.run', true), '') = ''
    RETURNING id
)
SELECT set_config('sqlrail.run', id::text, true) FROM run;

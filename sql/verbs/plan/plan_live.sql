-- Of each relation of these names that the live database has: its rows (an index: its table's), and its bytes, those of
-- partitions included. Rows are what the last ANALYZE found, scaled to today's size, as the planner does it; null where
-- there are some and nobody has counted.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
{relations}
 CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(part.rows IS NOT NULL) THEN sum(part.rows)::bigint END AS rows,
           CASE WHEN x.indexrelid IS NULL THEN sum(pg_table_size(part.oid)) ELSE pg_table_size(c.oid) END::bigint AS bytes
      FROM (SELECT p.oid,
                   CASE WHEN p.relkind = 'f' THEN NULL
                        WHEN p.relkind NOT IN ('r', 'm') OR pages = 0 THEN 0
                        WHEN p.reltuples > 0 AND p.relpages > 0 THEN greatest(round(p.reltuples / p.relpages * pages), 1)
                   END AS rows
              FROM (SELECT coalesce(x.indrelid, c.oid) AS oid
                    UNION SELECT relid FROM pg_partition_tree(coalesce(x.indrelid, c.oid))) AS t
              JOIN pg_class AS p ON p.oid = t.oid
             CROSS JOIN LATERAL (SELECT pg_relation_size(p.oid) / current_setting('block_size')::int AS pages) AS size
           ) AS part
    ) AS e;
COMMIT;

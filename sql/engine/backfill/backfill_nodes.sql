-- Where Citus keeps the table of a backfill, in how many shards, about how many rows they say that they have, and what is in
-- the way. And into what the role may write, the table itself if it may: see backfill_two_phases.sql.
SELECT CASE WHEN d.logicalrelid IS NULL THEN 'local'
            WHEN d.partmethod <> 'n' THEN 'distributed'
            WHEN d.repmodel = 't' THEN 'reference'
            WHEN d.colocationid <> 0 THEN 'single shard'
            ELSE 'citus local' END AS kind,
       (SELECT count(*) FROM pg_catalog.pg_dist_shard AS s WHERE s.logicalrelid = d.logicalrelid) AS shards,
       (SELECT coalesce(sum(CASE WHEN answer.success THEN answer.result::float8 END), 0)::bigint
          FROM pg_partition_tree(d.logicalrelid) AS p
         CROSS JOIN LATERAL run_command_on_shards(p.relid,
             'SELECT CASE WHEN reltuples > 0 AND relpages > 0 THEN reltuples / relpages * pg_catalog.pg_relation_size(oid) / '
             'pg_catalog.current_setting(''block_size'')::int ELSE 0 END '
             'FROM pg_catalog.pg_class WHERE oid = $sqlrail$%s$sqlrail$::regclass') AS answer
         WHERE p.isleaf) AS rows,
       {unsettled} AS refusals, written.table, written.column, written.type
  FROM (VALUES ({table}::bigint::oid::regclass)) AS asked ("table")
  LEFT JOIN pg_catalog.pg_dist_partition AS d ON d.logicalrelid = asked.table
  LEFT JOIN LATERAL (
       SELECT format('%I.%I', n.nspname, c.relname) AS "table", a.attname::text AS "column", format_type(a.atttypid, a.atttypmod) AS type
         FROM pg_catalog.pg_dist_partition AS w
         JOIN pg_catalog.pg_class AS c ON c.oid = w.logicalrelid
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (SELECT a.attname, a.atttypid, a.atttypmod
                              FROM pg_catalog.pg_attribute AS a
                             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                             ORDER BY w.partmethod <> 'n' AND a.attname = column_to_column_name(w.logicalrelid, w.partkey) DESC, a.attnum
                             LIMIT 1) AS a
        WHERE (w.partmethod <> 'n' OR w.repmodel = 't' OR w.colocationid <> 0)
          AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'INSERT') AND has_schema_privilege(n.oid, 'USAGE')
        ORDER BY c.oid = asked.table DESC, c.oid LIMIT 1) AS written ON true;

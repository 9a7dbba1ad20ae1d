-- The tables that Citus knows, with how it keeps their rows, the number of the group that they lie in, the column that says
-- where a row lies (0: none), how many shards there are, and whether Citus took the table in by itself. Its catalog can be
-- named only where it is there: elsewhere a name is looked up, and that is all.
(SELECT f[1]::oid AS oid, f[2] AS kind, f[3]::int AS place, f[4]::int2 AS "column", f[5] AS shards, f[6]::boolean AS follows
   FROM string_to_table(substring(CASE WHEN to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN query_to_xml(
            'SELECT string_agg(concat_ws('','', p.logicalrelid::oid,
                        CASE WHEN p.partmethod = ''h'' THEN ''distributed'' WHEN p.partmethod = ''r'' THEN ''range'' WHEN p.partmethod = ''a'' THEN ''append''
                             WHEN p.repmodel = ''t'' THEN ''reference table'' WHEN p.colocationid <> 0 THEN ''single shard'' ELSE ''local table of Citus'' END,
                        p.colocationid, coalesce(a.attnum, 0),
                        (SELECT count(*) FROM pg_catalog.pg_dist_shard AS s WHERE s.logicalrelid = p.logicalrelid), p.autoconverted), '';'') AS placed
               FROM pg_catalog.pg_dist_partition AS p
               LEFT JOIN pg_catalog.pg_attribute AS a
                 ON a.attrelid = p.logicalrelid AND a.attname = column_to_column_name(p.logicalrelid, p.partkey)',
            false, true, '')::text END FROM '<placed>([^<]*)<'), ';') AS said
  CROSS JOIN LATERAL string_to_array(said, ',') AS f)

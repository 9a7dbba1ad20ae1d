-- How Citus keeps the rows of tables on its nodes, and which schemas are sharded; where there is no Citus, nothing. What comes
-- by itself is left out: that a partition lies as its table does, a table of a sharded schema as that does, and that one
-- whose foreign key leads to a reference table is known to Citus. What a table's group is called is one of the
-- columns of _catalog_members.sql.
SELECT format('distribution/%s/%s/0', x.tableoid, x.oid), 'distribution', n.nspname::text, k.name, k.name,
       'distribution ' || CASE d.kind WHEN 'distributed' THEN 'by ' || quote_ident(a.attname) ELSE 'as a ' || d.kind END, NULL,
       CASE d.kind WHEN 'reference table' THEN format('SELECT create_reference_table(%L)', k.name)
                   WHEN 'local table of Citus' THEN format('SELECT citus_add_local_table_to_metadata(%L)', k.name)
                   WHEN 'single shard' THEN format('SELECT create_distributed_table(%L, NULL, colocate_with => %L)', k.name, 'none')
                   WHEN 'distributed' THEN format('SELECT create_distributed_table(%L, %L, shard_count => %s, colocate_with => %L)',
                                                  k.name, a.attname, d.shards, 'none')
                   ELSE format('SELECT create_distributed_table(%L, %L, %L)', k.name, a.attname, d.kind) END,
       NULL, NULL, format('SELECT undistribute_table(%L)', k.name), NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, d.kind, NULL, NULL),
           CASE WHEN a.attname IS NOT NULL THEN json_build_array('column', quote_ident(a.attname){so}, k.alters, NULL{end}) END,
           CASE WHEN d.kind = 'distributed' THEN json_build_array('shard count', d.shards{so}, k.alters, NULL{end}) END,
           CASE WHEN d.place <> 0 AND d.kind <> 'reference table' THEN
               json_build_array('together with', members.{group}{so}, CASE d.kind WHEN 'distributed' THEN k.alters END, NULL{end}) END)
  FROM {placed} AS d
  JOIN pg_catalog.pg_class AS x ON x.oid = d.oid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.oid AND a.attnum = d."column"
  LEFT JOIN {members} AS members ON members.place = d.place
 CROSS JOIN LATERAL (
     SELECT format('%I.%I', n.nspname, x.relname) AS name,
            format('SELECT alter_distributed_table(%L, distribution_column => %L, shard_count => %s, colocate_with => %L)',
                   format('%I.%I', n.nspname, x.relname), a.attname, d.shards, 'none') AS alters OFFSET 0) AS k
 WHERE NOT d.follows AND NOT x.relispartition AND n.oid NOT IN (SELECT s.oid FROM {sharded} AS s) AND {ours}
UNION ALL
SELECT format('distribution/%s/%s/0', n.tableoid, n.oid), 'sharded schema', n.nspname::text, NULL, quote_ident(n.nspname), 'sharding', NULL,
       format('SELECT citus_schema_distribute(%L)', quote_ident(n.nspname)), NULL, NULL,
       format('SELECT citus_schema_undistribute(%L)', quote_ident(n.nspname)), NULL, NULL, false, false, '[]'::json
  FROM {sharded} AS d
  JOIN pg_catalog.pg_namespace AS n ON n.oid = d.oid
 CROSS JOIN LATERAL (SELECT n.tableoid, n.oid) AS x
 -- A tenant's schema is made by whoever adds the tenant, and by no file.
 WHERE NOT {is_tenant} AND {ours}

-- Tables that are distributed by the key of another, as its name says, and do not lie together with that: each join by it
-- sends rows, and no foreign key can be added. Only of one type, and in one schema.
WITH placed AS (
    SELECT x.oid, x.relname, n.nspname, format('%I.%I', n.nspname, x.relname) AS name, d.colocationid, a.attname, a.attnum, a.atttypid
      FROM pg_catalog.pg_dist_partition AS d
      JOIN pg_catalog.pg_class AS x ON x.oid = d.logicalrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.oid AND a.attname = column_to_column_name(d.logicalrelid, d.partkey)
     WHERE d.partmethod = 'h' AND NOT x.relispartition AND {tables}
)
SELECT child.name, format('column %I', child.attname),
       format('the table is distributed by it, as %s is by its key, and does not lie together with that: joins send rows, and a foreign key '
              'is refused', parent.name),
       'every row is moved, and everybody kept out meanwhile',
       NULL::text[], ARRAY[format('SELECT alter_distributed_table(%L, colocate_with => %L, cascade_to_colocated => false)', child.name, parent.name)], NULL::jsonb, NULL::text
  FROM placed AS child
  JOIN placed AS parent ON parent.nspname = child.nspname AND parent.oid <> child.oid AND parent.atttypid = child.atttypid
   AND child.attname IN (parent.relname || '_' || parent.attname, regexp_replace(parent.relname, 's$', '') || '_' || parent.attname)
   AND EXISTS (SELECT FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = parent.oid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = parent.attnum)
 WHERE child.colocationid <> parent.colocationid
 ORDER BY 1, 2;

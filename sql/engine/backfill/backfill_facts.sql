-- What the catalog says of the table of a backfill, and of the columns that its batches are taken by. No row where there
-- is no such table.
SELECT t.oid::bigint AS oid, format('%I.%I', n.nspname, t.relname) AS name, t.relkind::text AS kind,
       row_security_active(t.oid) AS hides_rows,
       t.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = t.oid) AS has_heirs,
       -- The index that the walk goes along: unique, of these columns in this order, and sorted as their types are.
       (SELECT format('%I', c.relname)
          FROM pg_catalog.pg_index AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
          JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
         WHERE i.indrelid = t.oid AND i.indisunique AND i.indisvalid AND i.indisready AND i.indpred IS NULL
           AND i.indexprs IS NULL
           AND (SELECT array_agg(a.attname::text ORDER BY k.place)
                  FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
                  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number
                 WHERE k.place <= i.indnkeyatts) = {columns}::text[]
           AND (SELECT bool_and(a.attnotnull AND o.opcdefault AND l.sorted_by = a.attcollation)
                  FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
                  JOIN unnest(i.indclass::oid[], i.indcollation::oid[]) WITH ORDINALITY AS l (class, sorted_by, place)
                 USING (place)
                  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number
                  JOIN pg_catalog.pg_opclass AS o ON o.oid = l.class
                 WHERE k.place <= i.indnkeyatts)
           AND (SELECT count(DISTINCT o.option & 1) FROM unnest(i.indoption::smallint[]) AS o (option)) = 1
         ORDER BY i.indisprimary DESC, c.relname LIMIT 1) AS index,
       -- Its columns, and the operators by which they are sorted.
       (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'operators',
                         (SELECT jsonb_object_agg(o.amopstrategy, jsonb_build_array(s.nspname, p.oprname))
                            FROM pg_catalog.pg_amop AS o
                            JOIN pg_catalog.pg_operator AS p ON p.oid = o.amopopr
                            JOIN pg_catalog.pg_namespace AS s ON s.oid = p.oprnamespace
                           WHERE o.amopfamily = c.opcfamily AND o.amoplefttype = c.opcintype
                             AND o.amoprighttype = c.opcintype AND o.amopstrategy IN (1, 3, 5))) ORDER BY k.place)
          FROM unnest({columns}::text[]) WITH ORDINALITY AS k (name, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attname = k.name AND a.attnum > 0
          LEFT JOIN LATERAL (
               SELECT o.opcfamily, o.opcintype
                 FROM pg_catalog.pg_index AS i
                CROSS JOIN LATERAL unnest(i.indkey::smallint[], i.indclass::oid[]) AS l (number, class)
                 JOIN pg_catalog.pg_opclass AS o ON o.oid = l.class AND o.opcdefault
                WHERE i.indrelid = t.oid AND i.indisunique AND l.number = a.attnum LIMIT 1) AS c ON true) AS columns,
       -- About how many rows, as the server has counted them last.
       (SELECT sum(greatest(c.reltuples, 0))::bigint FROM pg_partition_tree(t.oid) AS p
          JOIN pg_catalog.pg_class AS c ON c.oid = p.relid WHERE p.isleaf) AS partition_rows,
       greatest(t.reltuples, 0)::bigint AS rows
  FROM pg_catalog.pg_class AS t
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
 WHERE t.oid = {table};

-- Columns of tables; their defaults; what makes them identity columns. In tail, for a column, how it becomes of its type
-- again when that has been made anew.
SELECT format('%s/%s/%s', c.tableoid, c.oid, a.attnum), 'column', n.nspname::text, k.table, k.table || '.' || k.name, k.name,
       format('COLUMN %s.%s', k.table, k.name), format('ALTER TABLE %s ADD COLUMN %s %s%s', k.table, k.name, k.type, k.rest),
       CASE WHEN a.attislocal OR c.relispartition THEN format('%s %s%s', k.name, k.type, k.rest) END,
       format('ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s::text::%s', k.table, k.name, k.type, k.name, format_type(a.atttypid, -1)),
       format('ALTER TABLE %s DROP COLUMN %s', k.table, k.name), NULL, NULL, a.attgenerated = '', a.attinhcount > 0,
       json_build_array(
           json_build_array('generated', k.expression || CASE a.attgenerated WHEN 'v' THEN ' virtual' ELSE '' END{so},
               CASE a.attgenerated WHEN '' THEN format('ALTER TABLE %s ALTER COLUMN %s DROP EXPRESSION', k.table, k.name) END, NULL{end}),
           json_build_array('type', k.type{so},
               format('ALTER TABLE %s ALTER COLUMN %s TYPE %s%s', k.table, k.name, k.type,
                      CASE a.attgenerated WHEN '' THEN format(' USING %s::%s', k.name, format_type(a.atttypid, -1)) ELSE '' END), NULL{end}),
           json_build_array('nullable', CASE WHEN a.attnotnull THEN 'not null' ELSE 'nullable' END{so},
               CASE WHEN k.clause || coalesce(k.late, '') <> ' NOT NULL' THEN format('ALTER TABLE %s ADD CONSTRAINT %I NOT NULL %s%s%s', k.table, o.conname, k.name, k.alone, k.late)
                    ELSE format('ALTER TABLE %s ALTER COLUMN %s %s NOT NULL', k.table, k.name, CASE WHEN a.attnotnull THEN 'SET' ELSE 'DROP' END) END, NULL{end}),
           -- Since 18 that is a constraint, which has these; one that comes from a parent has what that says.
           CASE WHEN o.coninhcount = 0 THEN json_build_array('not null name', quote_ident(o.conname){so},
               format('ALTER TABLE %s RENAME CONSTRAINT %I TO', k.table, o.conname), NULL{end}) END,
           CASE WHEN o.coninhcount = 0 THEN json_build_array('not null inheritance', CASE WHEN o.connoinherit THEN 'none' ELSE 'inherited' END{so},
               format('ALTER TABLE %s ALTER CONSTRAINT %I %s', k.table, o.conname, CASE WHEN o.connoinherit THEN 'NO INHERIT' ELSE 'INHERIT' END), NULL{end}) END,
           CASE WHEN o.coninhcount = 0 THEN json_build_array('not null validity', CASE WHEN o.convalidated THEN 'valid' ELSE 'not valid' END{so},
               CASE WHEN o.convalidated THEN format('ALTER TABLE %s VALIDATE CONSTRAINT %I', k.table, o.conname)
                    ELSE format('ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL, ADD CONSTRAINT %I NOT NULL %s%s%s', k.table, k.name, o.conname, k.name, k.alone, k.late) END,
               'valid'{end}) END,
           json_build_array('storage', k.storage{so},
               format('ALTER TABLE %s ALTER COLUMN %s SET STORAGE %s', k.table, k.name, k.storage), k.usual_storage{end}),
           json_build_array('compression', k.compression{so},
               format('ALTER TABLE %s ALTER COLUMN %s SET COMPRESSION %s', k.table, k.name, k.compression), 'default'{end}),
           json_build_array('statistics', k.statistics{so},
               format('ALTER TABLE %s ALTER COLUMN %s SET STATISTICS %s', k.table, k.name, k.statistics), '-1'{end}))
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated <> ''
  LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation
  LEFT JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.collnamespace
  CROSS JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS expression OFFSET 0) AS g
  LEFT JOIN pg_catalog.pg_constraint AS o ON o.conrelid = c.oid AND o.contype = 'n' AND o.conkey[1] = a.attnum
  CROSS JOIN LATERAL (SELECT CASE WHEN o.connoinherit THEN ' NO INHERIT' END AS alone, CASE WHEN NOT o.convalidated THEN ' NOT VALID' END AS late) AS v
  CROSS JOIN LATERAL (
      -- A table or column that was renamed keeps its constraint's name. Where a child that is made before it has the name
      -- already, it would get another.
      SELECT CASE WHEN a.attnotnull THEN concat(
                 CASE WHEN o.conname <> left(concat(c.relname, '_', a.attname, '_not_null'), 63) OR c.relhassubclass AND EXISTS (
                          SELECT FROM pg_catalog.pg_constraint AS e
                            JOIN pg_catalog.pg_class AS ec ON ec.oid = e.conrelid
                            JOIN pg_catalog.pg_namespace AS en ON en.oid = ec.relnamespace
                           WHERE e.conname = o.conname AND e.contype = 'n'
                             AND format('%I.%I', en.nspname, ec.relname) COLLATE "C" < format('%I.%I', n.nspname, c.relname))
                      THEN format(' CONSTRAINT %I', o.conname) END,
                 ' NOT NULL', v.alone) END AS clause,
             v.alone, v.late) AS w
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(a.attname) AS name, g.expression,
             concat_ws(' COLLATE ', format_type(a.atttypid, a.atttypmod),
                       CASE WHEN l.oid <> 0 THEN format('%I.%I', ln.nspname, l.collname) END) AS type,
             concat(CASE WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) %s', g.expression,
                                                               CASE a.attgenerated WHEN 'v' THEN 'VIRTUAL' ELSE 'STORED' END) END,
                    CASE WHEN o.convalidated IS NOT FALSE THEN w.clause END) AS rest,
             w.clause, w.alone, w.late,
             CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END AS storage,
             CASE t.typstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END AS usual_storage,
             CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END AS compression,
             coalesce(a.attstattarget, -1)::text AS statistics OFFSET 0) AS k
 WHERE c.relkind IN ('r', 'p', 'f') AND c.oid >= 16384
UNION ALL
SELECT format('%s/%s/0', d.tableoid, d.oid), 'default', n.nspname::text, k.table, k.table || '.' || k.name, k.name || ' default', NULL,
       format('ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s', k.table, k.name, k.value), 'DEFAULT ' || k.value, NULL,
       format('ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT', k.table, k.name), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, k.value{so},
           format('ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s', k.table, k.name, k.value), NULL{end}))
  FROM pg_catalog.pg_attrdef AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.adrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.adnum AND a.attgenerated = ''
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(a.attname) AS name,
                             pg_get_expr(d.adbin, d.adrelid) AS value OFFSET 0) AS k
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'identity', n.nspname::text, k.table, k.table || '.' || k.name, k.name || ' identity', NULL,
       format('ALTER TABLE %s ALTER COLUMN %s ADD GENERATED %s AS IDENTITY%s', k.table, k.name, k.mode, k.listed),
       format('GENERATED %s AS IDENTITY%s', k.mode, k.listed),
       -- Not by pg_get_serial_sequence(): the column may own another sequence as well.
       format('SELECT setval(d.objid::regclass, m.top) FROM (SELECT max(%s) FROM %s) AS m(top), pg_catalog.pg_depend AS d '
              'JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid '
              'WHERE d.refclassid = %L::regclass AND d.refobjid = %L::regclass AND d.deptype = %L AND a.attname = %L AND m.top IS NOT NULL',
              k.name, k.table, 'pg_catalog.pg_class', k.table, 'i', a.attname),
       format('ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY', k.table, k.name), NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, lower(k.mode){so}, format('%s GENERATED %s', k.change, k.mode), NULL{end}),
           json_build_array('sequence', quote_ident(x.relname){so}, format('ALTER SEQUENCE %I.%I RENAME TO', n.nspname, x.relname), NULL{end}),
           json_build_array('persistence', CASE x.relpersistence WHEN c.relpersistence THEN 'as its table' WHEN 'u' THEN 'unlogged' ELSE 'logged' END{so},
               format('ALTER SEQUENCE %I.%I SET %s', n.nspname, x.relname, CASE x.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END),
               'as its table'{end}),
{numbers})
  FROM pg_catalog.pg_sequence AS s
  JOIN pg_catalog.pg_class AS x ON x.oid = s.seqrelid
  JOIN pg_catalog.pg_depend AS d ON d.classid = x.tableoid AND d.objid = x.oid AND d.deptype = 'i'
       AND d.refclassid = x.tableoid AND d.refobjsubid > 0
  JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
{options}  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(a.attname) AS name,
             CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS mode,
             format('ALTER TABLE %I.%I ALTER COLUMN %I SET', n.nspname, c.relname, a.attname) AS change,
             coalesce(' (' || nullif(concat_ws(' ', CASE WHEN x.relname <> concat(c.relname, '_', a.attname, '_seq')
                                                         THEN format('SEQUENCE NAME %I.%I', n.nspname, x.relname) END,
                                               nullif(btrim(o.options), '')), '') || ')', '') AS listed OFFSET 0) AS k

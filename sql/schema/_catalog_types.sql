-- Enums, ranges, composite types and their fields. local is where an old one goes while a new one takes its columns.
SELECT format('%s/%s/0', x.tableoid, x.oid), k.kind, n.nspname::text, NULL, k.name, k.name, 'TYPE ' || k.name, k.creates,
       NULL, k.tail, NULL,
       CASE WHEN m.oid <> 0 THEN format('ALTER TYPE %I.%I RENAME TO %I; ', n.nspname, m.typname, left(m.typname, 15) || '_' || m.oid)
            ELSE '' END || 'ALTER TYPE ' || k.name || ' RENAME TO', quote_ident(left(x.typname, 15) || '_' || x.oid), false, false, k.facts
  FROM pg_catalog.pg_type AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.typnamespace
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = x.typrelid
  LEFT JOIN pg_catalog.pg_range AS r ON r.rngtypid = x.oid
  LEFT JOIN pg_catalog.pg_opclass AS o ON o.oid = r.rngsubopc
  LEFT JOIN pg_catalog.pg_namespace AS opn ON opn.oid = o.opcnamespace
  LEFT JOIN pg_catalog.pg_type AS m ON m.oid = r.rngmultitypid
  LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = r.rngcollation
  LEFT JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.collnamespace
  CROSS JOIN LATERAL (
      SELECT array_to_string(ARRAY(SELECT quote_literal(v.enumlabel) FROM pg_catalog.pg_enum AS v
                                    WHERE v.enumtypid = x.oid ORDER BY v.enumsortorder), ', ') AS labels,
             concat_ws(', ', 'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
                       format('SUBTYPE_OPCLASS = %I.%I', opn.nspname, o.opcname),
                       CASE WHEN r.rngcollation <> 0 THEN format('COLLATION = %I.%I', ln.nspname, l.collname) END,
                       CASE WHEN r.rngcanonical <> 0 THEN 'CANONICAL = ' || r.rngcanonical END,
                       CASE WHEN r.rngsubdiff <> 0 THEN 'SUBTYPE_DIFF = ' || r.rngsubdiff END,
                       format('MULTIRANGE_TYPE_NAME = %I.%I', n.nspname, m.typname)) AS range) AS t
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.typname) AS name,
             CASE x.typtype WHEN 'e' THEN 'enum' WHEN 'r' THEN 'range' ELSE 'composite type' END AS kind,
             CASE x.typtype WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, x.typname, t.labels)
                            WHEN 'r' THEN format('CREATE TYPE %I.%I AS RANGE (%s)', n.nspname, x.typname, t.range)
                            ELSE format('CREATE TYPE %I.%I AS', n.nspname, x.typname) END AS creates,
             CASE x.typtype WHEN 'c' THEN '' END AS tail,
             CASE x.typtype WHEN 'e' THEN json_build_array(json_build_array('values', t.labels, NULL, NULL))
                            WHEN 'r' THEN json_build_array(
                                json_build_array('subtype', format_type(r.rngsubtype, NULL), NULL, NULL),
                                json_build_array('definition', t.range, NULL, NULL))
                            ELSE '[]'::json END AS facts) AS k
 WHERE {ours}
   AND (x.typtype IN ('e', 'r') OR x.typtype = 'c' AND c.relkind = 'c')
UNION ALL
SELECT format('%s/%s/%s', c.tableoid, c.oid, a.attnum), 'field', n.nspname::text, k.type, k.type || '.' || k.name, k.name,
       format('COLUMN %s.%s', k.type, k.name), format('ALTER TYPE %s ADD ATTRIBUTE %s %s', k.type, k.name, k.spelt),
       format('%s %s', k.name, k.spelt), NULL, format('ALTER TYPE %s DROP ATTRIBUTE %s', k.type, k.name), NULL, NULL,
       true, false,
       json_build_array(json_build_array('type', k.spelt{so},
           format('ALTER TYPE %s ALTER ATTRIBUTE %s TYPE %s', k.type, k.name, k.spelt), NULL{end}))
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS x ON x.oid = c.reltype
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation
  LEFT JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.collnamespace
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS type, quote_ident(a.attname) AS name,
             concat_ws(' COLLATE ', format_type(a.atttypid, a.atttypmod),
                       CASE WHEN l.oid <> 0 THEN format('%I.%I', ln.nspname, l.collname) END) AS spelt) AS k
 WHERE c.relkind = 'c' AND {ours}

-- How statements name the table c of the schema n and its columns; "base" has what lies below domains. Pairs of an object.
'name', format('%I.%I', n.nspname, c.relname), 'schema', n.nspname, 'table', c.relname,
'only', c.relkind <> 'p',
'columns', (SELECT json_agg(a.attname ORDER BY a.attnum)
              FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attgenerated = ''),
-- Those that ::text would write otherwise than the type does: by somebody's own cast, or without the blanks that a bpchar
-- of no length keeps.
'recast', (SELECT coalesce(json_agg(a.attname), '[]')
             FROM pg_catalog.pg_attribute AS a
             LEFT JOIN base ON base.oid = a.atttypid
             JOIN pg_catalog.pg_cast AS cast_ ON cast_.castsource IN (a.atttypid, base.type)
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND casttarget = 'pg_catalog.text'::regtype AND castmethod = 'f'
              AND (cast_.oid >= 16384 OR castsource = 'bpchar'::regtype AND a.atttypmod = -1))

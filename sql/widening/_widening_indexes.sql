-- The indexes of what is widened: schema as SQL spells it, name, and both and its table spelt so; the constraint that it is of, with
-- how that is deferred; its definition behind the table's name, as CREATE INDEX has it; whether it is valid, and its method.
WITH RECURSIVE {widened}
SELECT DISTINCT quote_ident(n.nspname), x.relname::text, format('%I.%I', n.nspname, x.relname), format('%I.%I', n.nspname, c.relname),
       i.indisunique, o.contype::text, quote_ident(o.conname),
       concat(CASE WHEN o.condeferrable THEN ' DEFERRABLE' END, CASE WHEN o.condeferred THEN ' INITIALLY DEFERRED' END),
       substr(pg_get_indexdef(x.oid), length(format(
           'CREATE %sINDEX %I ON %s%I.%I', CASE WHEN i.indisunique THEN 'UNIQUE ' END, x.relname,
           CASE c.relkind WHEN 'p' THEN 'ONLY ' END, n.nspname, c.relname)) + 2)
       || coalesce(' TABLESPACE ' || quote_ident(s.spcname), ''),
       i.indisvalid, am.amname::text
  FROM widened AS w
  JOIN pg_catalog.pg_class AS c ON c.oid = w.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid
  JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_am AS am ON am.oid = x.relam
  LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = x.reltablespace
  LEFT JOIN pg_catalog.pg_constraint AS o ON o.conindid = x.oid AND o.contype IN ('p', 'u', 'x')
 WHERE w.attnum = ANY (i.indkey)
    OR EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = x.oid AND e.refclassid = e.classid
                  AND e.refobjid = c.oid AND e.refobjsubid = w.attnum)
 ORDER BY 4, 3

-- Comments: address and text. The statement is put together with what they are on. One on the constraint that a column or a
-- domain may not be null, since 18, has the address of that, and the name of the constraint.
SELECT coalesce(u.address, format('%s/%s/%s', d.classoid, d.objoid, d.objsubid)), k.text, quote_literal(k.text),
       (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = d.objoid AND d.objsubid > 0 AND d.classoid = 'pg_catalog.pg_class'::regclass),
       (SELECT quote_ident(a.attname) FROM pg_catalog.pg_attribute AS a
         WHERE a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 AND d.classoid = 'pg_catalog.pg_class'::regclass),
       u.name
  FROM pg_catalog.pg_description AS d CROSS JOIN LATERAL (SELECT replace(d.description, E'\r\n', E'\n') AS text) AS k
  LEFT JOIN LATERAL (
      SELECT quote_ident(o.conname) AS name,
             CASE WHEN o.conrelid <> 0 THEN format('%s/%s/%s', 'pg_catalog.pg_class'::regclass::oid, o.conrelid, o.conkey[1])
                  ELSE format('%s/%s/0', 'pg_catalog.pg_type'::regclass::oid, o.contypid) END AS address
        FROM pg_catalog.pg_constraint AS o
       WHERE o.oid = d.objoid AND d.classoid = o.tableoid AND o.contype = 'n') AS u ON true
 WHERE d.objoid >= 16384 OR d.classoid = 'pg_catalog.pg_namespace'::regclass

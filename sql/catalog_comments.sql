-- Comments: address and text. The statement is put together with what they are on.
SELECT format('%s/%s/%s', d.classoid, d.objoid, d.objsubid), k.text, quote_literal(k.text),
       (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = d.objoid AND d.objsubid > 0 AND d.classoid = 'pg_catalog.pg_class'::regclass),
       (SELECT quote_ident(a.attname) FROM pg_catalog.pg_attribute AS a
         WHERE a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 AND d.classoid = 'pg_catalog.pg_class'::regclass)
  FROM pg_catalog.pg_description AS d CROSS JOIN LATERAL (SELECT replace(d.description, E'\r\n', E'\n') AS text) AS k
 WHERE d.objoid >= 16384 OR d.classoid = 'pg_catalog.pg_namespace'::regclass

-- What the functions of these names do, as far as it is text: whoever calls one of them may mean any.
SELECT coalesce(pg_catalog.string_agg(CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_catalog.pg_get_functiondef(p.oid) END, ' '), '')
  FROM pg_catalog.pg_proc AS p
 WHERE p.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid AND p.prokind IN ('f', 'p')
   AND p.proname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ({names}::pg_catalog.text[]);

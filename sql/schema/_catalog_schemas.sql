-- Schemas. That of an extension comes with it.
SELECT format('%s/%s/0', n.tableoid, n.oid) AS address, 'schema' AS kind, n.nspname::text AS schema, NULL AS within,
       quote_ident(n.nspname) AS name, quote_ident(n.nspname) AS label, format('SCHEMA %I', n.nspname) AS what,
       format('CREATE SCHEMA %I', n.nspname) AS creates, NULL AS inline, NULL AS tail, NULL AS drops, NULL AS renames,
       NULL AS local, false AS loses, false AS inherited, '[]'::json AS facts
  FROM pg_catalog.pg_namespace AS n, LATERAL (SELECT n.tableoid, n.oid) AS x
 WHERE {ours}

-- Extensions. Their versions are the server's matter, and so is that there is a cluster of Citus.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'extension', NULL, NULL, quote_ident(x.extname), quote_ident(x.extname),
       format('EXTENSION %I', x.extname), format('CREATE EXTENSION %I WITH SCHEMA %I', x.extname, n.nspname), NULL, NULL,
       NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('schema', quote_ident(n.nspname){so},
           CASE WHEN x.extrelocatable THEN format('ALTER EXTENSION %I SET SCHEMA %I', x.extname, n.nspname) END, NULL{end}))
  FROM pg_catalog.pg_extension AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.extnamespace
 WHERE x.extname NOT IN ('plpgsql', 'citus')

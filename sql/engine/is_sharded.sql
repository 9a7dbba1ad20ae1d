-- Whether Citus has given the schema a node of its own, and would put each table of it there. Citus before 12 does not.
SELECT CASE WHEN to_regclass('pg_catalog.pg_dist_schema') IS NULL THEN false
            ELSE query_to_xml(format('SELECT 1 AS it FROM pg_catalog.pg_dist_schema WHERE schemaid = %s', n.oid),
                              false, true, '')::text ~ '<it>' END AS is_sharded
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname = {records_in};

-- What is neither PostgreSQL's nor an extension's nor sqlrail's, of x in the schema n.
n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'sqlrail')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                    WHERE e.classid = x.tableoid AND e.objid = x.oid AND e.deptype = 'e')

-- Collations, the database's own among them (default), that are of another version than their library's by now: indexes
-- that were made under the old one are sorted otherwise, and what is in them may not be found. A table in other statements.
SELECT c.oid, format('collation %s', c.oid::regcollation) AS name, c.collversion AS recorded,
       pg_collation_actual_version(c.oid) AS actual,
       format('ALTER COLLATION %s REFRESH VERSION', c.oid::regcollation) AS refresh
  FROM pg_catalog.pg_collation AS c
 WHERE c.collversion IS DISTINCT FROM pg_collation_actual_version(c.oid) AND c.collversion IS NOT NULL
UNION ALL
SELECT c.oid, format('default collation of the database %I', d.datname), d.datcollversion,
       pg_database_collation_actual_version(d.oid),
       format('ALTER DATABASE %I REFRESH COLLATION VERSION', d.datname)
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_collation AS c ON c.oid = 'pg_catalog."default"'::regcollation
 WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL
   AND d.datcollversion IS DISTINCT FROM pg_database_collation_actual_version(d.oid)

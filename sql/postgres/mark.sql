-- What tells the session's database from every other: its name, and the comment that its maker wrote.
SELECT d.datname::text AS database, pg_catalog.shobj_description(d.oid, 'pg_database') AS token
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = pg_catalog.current_database();

-- The statements that a database of this server was sent, and how often; without those that this role may not see.
SELECT s.query, sum(s.calls)::bigint AS calls
  FROM {view} AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
 WHERE d.datname = {database} AND s.toplevel AND s.query !~ '^<insufficient privilege>'
 GROUP BY 1;

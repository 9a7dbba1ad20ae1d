-- Behind plan_aside.sql, and a statement that has made a table of that name: the columns in which the two differ, with
-- their types; null is no such column.
SELECT coalesce(there.name, asked.name), there.type, asked.type
  FROM (SELECT a.attnum, a.attname::pg_catalog.text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
         WHERE c.relnamespace OPERATOR(pg_catalog.=) 'sqlrail_aside'::pg_catalog.regnamespace
           AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
           AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped) AS there
  FULL JOIN
       (SELECT a.attnum, a.attname::pg_catalog.text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
          FROM pg_catalog.pg_attribute AS a
         WHERE a.attrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({table})
           AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped) AS asked
    ON there.name OPERATOR(pg_catalog.=) asked.name
 WHERE there.type IS DISTINCT FROM asked.type
 ORDER BY coalesce(there.attnum, asked.attnum), asked.attnum;

-- For a tenant's file that may drop something: what was there before it. Nothing is read until guard_tenant.sql asks, and then
-- as it was here. The first is cheap; the second is of all schemas but the tenant's, for what the first does not have.
DECLARE sqlrail_own NO SCROLL CURSOR FOR
WITH own AS (
    SELECT d.classid, d.objid
      FROM pg_catalog.pg_depend AS d
     WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
       AND d.refobjid OPERATOR(pg_catalog.=)
           (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) {tenant})
), relation AS (
    SELECT objid AS oid FROM own WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    SELECT c.reltoastrelid
      FROM own
      JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) own.objid
     WHERE own.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    SELECT t.typrelid
      FROM own
      JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) own.objid
     WHERE own.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass
)
SELECT oid FROM relation
UNION ALL
SELECT i.indexrelid FROM relation JOIN pg_catalog.pg_index AS i ON i.indrelid OPERATOR(pg_catalog.=) relation.oid;
DECLARE sqlrail_others NO SCROLL CURSOR FOR
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE n.nspname OPERATOR(pg_catalog.<>) {tenant} AND n.nspname OPERATOR(pg_catalog.!~) '^(pg_|sqlrail$)';

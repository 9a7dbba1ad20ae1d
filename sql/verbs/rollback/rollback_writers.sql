-- Who may write what is run to take migrations back, and is not the one who owns the records, this role, or a superuser.
SELECT DISTINCT w.name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT c.relowner AS role
       UNION ALL SELECT n.nspowner
       UNION ALL
       SELECT a.grantee
         FROM (SELECT c.relacl AS acl
               UNION ALL SELECT t.attacl FROM pg_catalog.pg_attribute AS t WHERE t.attrelid = c.oid) AS acls,
              aclexplode(acls.acl) AS a
        WHERE a.privilege_type <> 'SELECT' AND a.grantee <> c.relowner) AS its
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = its.role
 CROSS JOIN LATERAL (SELECT coalesce(r.rolname::text, 'PUBLIC') AS name) AS w
 WHERE c.oid = 'sqlrail.rollback'::regclass
   AND NOT coalesce(r.rolsuper, false)
   AND w.name <> current_user
   AND its.role <> (SELECT o.relowner FROM pg_catalog.pg_class AS o WHERE o.oid = {records_named}::regclass)
 ORDER BY w.name;

-- Roles whose settings in this database, or default privileges, are not for this role to take back.
SELECT r.oid
  FROM pg_catalog.pg_roles AS r
  JOIN pg_catalog.pg_roles AS me ON me.rolname = current_user
 WHERE r.oid <> me.oid AND NOT me.rolsuper
   AND (EXISTS (SELECT FROM pg_catalog.pg_default_acl AS a
                 WHERE a.defaclrole = r.oid AND a.defaclnamespace = 0 AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE'))
        OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s
                     JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
                    WHERE s.setrole = r.oid AND d.datname = pg_catalog.current_database()
                      AND (r.rolsuper OR NOT me.rolcreaterole
                           OR pg_catalog.current_setting('server_version_num')::int >= 160000
                          AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION'))))

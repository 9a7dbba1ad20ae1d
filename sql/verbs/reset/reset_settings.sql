-- The settings of the database, and of roles in it, that go with all else, by name.
SELECT DISTINCT pg_catalog.split_part(setting, '=', 1) AS setting
  FROM pg_catalog.pg_db_role_setting AS s
  JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL unnest(s.setconfig) AS setting
 WHERE d.datname = current_database() AND s.setrole NOT IN ({left})
 ORDER BY setting;

-- What tells a server from every other: its copies, a standby among them, say the same. Null where the role may not ask.
SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
            THEN (SELECT system_identifier FROM pg_catalog.pg_control_system()) END AS identifier;

-- What a run has to know first. yoyo's tables are those that the search_path leads to, as for plain yoyo.
SELECT (SELECT n.nspname
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = {named}) AS schema_of_records,
       -- A yoyo before 6 kept ids only; its tables are upgraded before they are read.
       EXISTS (SELECT FROM pg_catalog.pg_attribute
                WHERE attrelid = {named} AND attname = 'migration_hash') AS records_are_new,
       (current_setting('sqlrail.schemas')::name[])[1] AS schema_for_new_tables,
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class AS c
              WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = ANY ({own_tables}::text[]))
         AS our_tables,
       -- To a role that may not read them they do not exist; to_regclass() would be an error.
       ARRAY(SELECT c.relname::text FROM pg_catalog.pg_class AS c
              WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = ANY ({own_tables}::text[])
                AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
         AS readable_tables,
       -- Those that were made before they carried their version are of the first. Only their owner can bring them further.
       (SELECT coalesce(substring(obj_description(c.oid, 'pg_class') FROM 'version ([0-9]{{1,9}})')::int, 1)
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = 'archive'
           AND pg_has_role(c.relowner, 'USAGE')) AS version_of_ours,
       CASE WHEN to_regnamespace('sqlrail') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege('sqlrail', 'CREATE') END AS may_have_our_tables,
       -- Citus has taken them along to another node, with the schema that they lie in.
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN
           query_to_xml(format('SELECT 1 AS it FROM pg_catalog.pg_dist_partition WHERE logicalrelid = %L::oid', {named}::oid),
                        false, true, '')::text ~ '<it>' ELSE false END AS records_are_elsewhere,
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = 'rollback') AS has_rollbacks,
       -- Where others may write them, nobody can trust what they say.
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = 'rollback' AND c.relkind = 'r'
                  AND has_schema_privilege(c.relnamespace, 'USAGE') AND pg_has_role(c.relowner, 'USAGE'))
         AS keeps_rollbacks,
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = 'code' AND c.relkind = 'r'
                  AND has_schema_privilege(c.relnamespace, 'USAGE') AND pg_has_role(c.relowner, 'USAGE')) AS has_code,
       -- The checksums are for whoever may read them; a policy could run anything.
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = 'code' AND c.relkind = 'r'
                  AND (NOT c.relrowsecurity OR pg_has_role(c.relowner, 'USAGE'))
                  AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS reads_code,
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname = 'code' AND pg_relation_size(c.oid) > 0)
         AS has_made_code,
       current_database() AS database,
       version() ~ 'linux' AS notices_dead_clients,
       pg_backend_pid() AS pid,
       pg_is_in_recovery() AS is_standby,
       extract(epoch FROM current_setting('deadlock_timeout')::interval)::float8 AS deadlock_timeout,
       -- Where there is Citus, 0 on its coordinator. Its catalog can be named only where it is there.
       CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')
            THEN substring(query_to_xml('SELECT groupid FROM pg_catalog.pg_dist_local_group', false, true, '')::text
                           FROM '<groupid>([0-9]+)')::int END AS citus_group;

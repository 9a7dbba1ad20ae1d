-- What a run has to know first. yoyo's tables are those that the search_path leads to, as for plain yoyo.
SELECT (SELECT n.nspname
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = to_regclass('_yoyo_migration')) AS schema_of_records,
       current_schema() AS schema_for_new_tables,
       to_regclass('sqlrail.stamp') IS NOT NULL AS has_our_tables,
       to_regnamespace('sqlrail') IS NOT NULL
         OR has_database_privilege(current_database(), 'CREATE') AS may_have_our_tables,
       current_database() AS database

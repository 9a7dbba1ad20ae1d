-- What another set of records says was run, of these.
SELECT migration_id FROM {others} WHERE migration_id = ANY ({ids}::text[]) ORDER BY migration_id;

-- Whether any table of the live database has rows, or had some since it was last emptied; yoyo's and ours aside.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
SELECT EXISTS (
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'sqlrail')
       AND c.oid NOT IN ({bookkeeping})
       AND pg_relation_size(c.oid) > 0);
COMMIT;

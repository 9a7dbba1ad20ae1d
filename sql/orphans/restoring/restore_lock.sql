-- No column, key or trigger of these tables changes from here to the commit; whoever writes rows is not hindered.
-- The names travel as a setting: one that holds the body's own quote would end the body.
SELECT set_config('sqlrail.sources', {sources}::text[]::text, true);
DO $lock$
DECLARE
    source regclass;
BEGIN
    FOR source IN
        SELECT DISTINCT c.oid::regclass
          FROM unnest(current_setting('sqlrail.sources')::text[]) AS name
          JOIN pg_catalog.pg_class AS c ON c.oid = {place}
         WHERE c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', source);
    END LOOP;
END
$lock$;

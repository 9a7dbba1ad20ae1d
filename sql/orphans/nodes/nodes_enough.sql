-- How many rows the child has, for the guard of weigh_orphans.sql: as a part of that question they would be counted in any
-- case. As many orphans as the look has found it has let pass, and they are not held against the rows again.
-- The statement travels as a setting: a name that holds the body's own quote would end the body.
SELECT set_config('sqlrail.count', {counts}, true), set_config('sqlrail.rows', '', true),
       set_config('sqlrail.matters', (found.orphans + earlier.orphans > {max_rows}
                                      AND ({passed}::bigint IS NULL OR found.orphans > {passed}::bigint))::text, true)
  FROM (SELECT {found} AS orphans FROM pg_temp.sqlrail_orphan) AS found,
       {and_earlier};
DO $count$
DECLARE
    rows bigint;
BEGIN
    IF current_setting('sqlrail.matters')::boolean THEN
        EXECUTE current_setting('sqlrail.count') INTO rows;
        PERFORM set_config('sqlrail.rows', rows::text, true);
    END IF;
END
$count$;

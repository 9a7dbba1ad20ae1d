-- The same where the orphans are many: another look for parents finds them again, for under the locks nobody changes them meanwhile.
-- How many have gone the statement says itself: rows that it returned would all be sent here to be counted. It travels as a
-- setting: a name that holds the body's own quote would end the body.
{writes}
SELECT set_config('sqlrail.delete', {deletes}, true);
DO $deletes$
DECLARE
    gone bigint;
BEGIN
    EXECUTE current_setting('sqlrail.delete');
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('sqlrail.cleaned', gone::text, true);
END
$deletes$;
{ours}

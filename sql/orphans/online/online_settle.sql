-- From here to the commit no parent comes: whoever has written one has ended, and whoever wants to waits. So this second
-- look, a later statement with a new snapshot, sees every parent that is committed when the deletion commits. If there is
-- one, the batch has never happened, and is tried again without its child. All the slow work is done by now, so that the
-- wait of others is that of this look.
LOCK TABLE {parent} IN SHARE MODE;
{recover}
SET LOCAL statement_timeout = {patience};
SELECT set_config('sqlrail.parents', ({parents_found})::text, true);
DO $settle$
BEGIN
    IF current_setting('sqlrail.parents') <> '0' THEN
        RAISE EXCEPTION 'the parents of % rows have come meanwhile', current_setting('sqlrail.parents')
            USING ERRCODE = 'serialization_failure';
    END IF;
END
$settle$;
COMMIT;

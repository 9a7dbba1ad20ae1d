-- Makes a table of yoyo's in a schema that Citus keeps on a node of its own, and leaves it here: Citus takes there what a statement
-- makes, and not what a block does. So the records are read and locked with ours, whatever node the schema is moved to.
-- The statement travels as a setting: one that holds the body's own quote would end the body.
SELECT set_config('sqlrail.made', {statement}, true);
DO $made$ BEGIN EXECUTE current_setting('sqlrail.made'); END $made$;

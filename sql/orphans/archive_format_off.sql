-- Back to the session's own, which what follows in the transaction expects.
-- What the file itself is to see of rows under a policy, its opening has said.
DO $before$ BEGIN PERFORM set_config('row_security', current_setting('sqlrail.row_security'), true); END $before$;
SET LOCAL datestyle TO DEFAULT;
SET LOCAL intervalstyle TO DEFAULT;
SET LOCAL timezone TO DEFAULT;
SET LOCAL extra_float_digits TO DEFAULT;
SET LOCAL bytea_output TO DEFAULT;
SET LOCAL array_nulls TO DEFAULT;
SET LOCAL lc_monetary TO DEFAULT;
SET LOCAL jit TO DEFAULT;

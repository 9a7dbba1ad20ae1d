-- Under these the text of every type is exact, and read back as the same value; restoring sets the same.
-- row_security = off does not lift a policy: it makes an error of one that would hide rows. Hidden parents would
-- make orphans of valid rows.
DO $before$ BEGIN PERFORM set_config('sqlrail.row_security', current_setting('row_security'), true); END $before$;
SET LOCAL row_security = off;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
-- NULL in an array is read as text where this is off.
SET LOCAL array_nulls = on;
-- Money is written and read with this locale's sign, separators and number of digits.
SET LOCAL lc_monetary = 'C';
-- Compiling a statement over a hundred partitions takes seconds, with tables locked.
SET LOCAL jit = off;

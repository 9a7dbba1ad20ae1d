-- A look for duplicates, and for what would become of the rows that refer to them. Reads only.
-- Nobody estimates how many rows have a place in common: a loop over them would be quadratic.
SET LOCAL enable_nestloop = off;
WITH {stages}
{told};
SET LOCAL enable_nestloop TO DEFAULT;

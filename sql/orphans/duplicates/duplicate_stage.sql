-- A part of that look, kept in a table for what follows.
SET LOCAL enable_nestloop = off;
{writes}
CREATE TEMP TABLE {named} ON COMMIT DROP AS
{query};
{ours}
SET LOCAL enable_nestloop TO DEFAULT;
ANALYZE {named};

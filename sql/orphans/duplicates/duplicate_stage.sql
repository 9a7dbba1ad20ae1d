-- The same, kept in a table for what follows.
{writes}
CREATE TEMP TABLE {named} ON COMMIT DROP AS
{query};
{ours}
ANALYZE {named};

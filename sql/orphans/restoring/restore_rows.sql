-- The archived rows in the table's own types, each with its number in the archive. A type that this role may not make a
-- column of is kept as text, and read as itself: whoever may delete rows may put them back.
{writes}
CREATE TEMP TABLE {stored} ({id} bigint PRIMARY KEY{columns}) ON COMMIT DROP;
{ours}

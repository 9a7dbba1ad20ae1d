-- Rows that were changed are looked up among themselves: a later change of the same row comes first.
{writes}
CREATE INDEX ON {stored} ({primary});
{ours}

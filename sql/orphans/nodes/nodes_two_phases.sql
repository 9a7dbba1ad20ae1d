-- A table that is one shard would be changed in one phase: its node commits before the archive has, and a crash of the
-- coordinator between the two would lose the rows. Whatever is copied into a table of Citus's goes in two; this is no row.
{writes}
INSERT INTO {target} ({column}) SELECT c.{column} FROM pg_temp.sqlrail_gone AS c WHERE false;
{ours}

-- A statement that goes to one shard would be committed in one phase: its node has it before the checkpoint is there, and a crash
-- of the coordinator between the two would have it done again. Whatever is copied into a table of Citus's makes it two for
-- the whole transaction; this is no row.
{writes}
INSERT INTO {table} ({column}) OVERRIDING SYSTEM VALUE SELECT NULL::{type} FROM sqlrail.progress WHERE false;
{ours}

-- Whether a literal is a value of a column, as an assignment takes it, which cuts nothing off. It reads no row.
SAVEPOINT sqlrail_value;
{theirs}
DO {body};
{ours}
RELEASE SAVEPOINT sqlrail_value;

-- For a look of ours: it gives way where somebody holds what it wants, and no default of a role or a database ends it.
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = 0;

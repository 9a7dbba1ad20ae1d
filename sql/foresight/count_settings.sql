-- For counts of live rows, behind their BEGIN. A policy that would hide rows is an error, and a limit of time is kept.
{ours}
{limits}
SET LOCAL statement_timeout = {limit};
SET LOCAL row_security = off;
SET LOCAL client_min_messages = error;

-- Keeps the question what tables look like, with its plan, for a session: to plan it takes longer than to answer it.
PREPARE {kept} (oid[]) AS
{shapes};

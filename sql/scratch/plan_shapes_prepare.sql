-- Keeps the question what tables look like, with its plan, for a session: to plan it takes longer than to answer it.
PREPARE sqlrail_shapes (oid[]) AS
{shapes};

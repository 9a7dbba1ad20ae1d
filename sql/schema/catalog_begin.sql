-- Opens a look at the catalog: all of it comes from one snapshot, and is spelt the same for everybody. With no search_path
-- names are qualified, unless they are PostgreSQL's own, wherever they are asked for.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = '';
{format}
{limits}
SET LOCAL jit = off;
SET LOCAL quote_all_identifiers = off;
-- A worker begins with nothing in its caches of the catalog: more of them do more work in more time.
SET LOCAL max_parallel_workers_per_gather = 0;

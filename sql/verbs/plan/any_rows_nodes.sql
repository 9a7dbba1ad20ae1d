-- Whether Citus keeps any table on its nodes, which then may have rows there; the coordinator does not know.
BEGIN READ ONLY;
{limits}
SET LOCAL search_path = pg_catalog;
SELECT EXISTS (SELECT FROM pg_dist_shard);
COMMIT;

-- What had gone before the locks is no orphan, and was counted as one: whatever was not deleted is gone to, and stays one where
-- its row is still there.
UPDATE pg_temp.sqlrail_limit
   SET orphans = current_setting('sqlrail.cleaned')::bigint + (
           SELECT count(*)
             FROM pg_temp.sqlrail_orphan AS o
            CROSS JOIN LATERAL (SELECT FROM {child} AS c WHERE c.ctid = o.tid AND {still_found} OFFSET 0) AS there)
 WHERE orphans <> current_setting('sqlrail.cleaned')::bigint;
{writes}
DROP TABLE pg_temp.sqlrail_came;
{ours}

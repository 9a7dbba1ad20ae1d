-- Whether a run has archived rows of tables in other schemas than a tenant's.
SELECT DISTINCT source FROM sqlrail.archive
 WHERE run = {run} AND strpos(source, format('%I.', {tenant}::text)) <> 1
 ORDER BY source;

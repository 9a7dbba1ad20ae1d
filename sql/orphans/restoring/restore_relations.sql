-- The relations that a run has cleaned.
SELECT done->>'relation' FROM sqlrail.run AS r, jsonb_path_query(r.relations, '$[*]') AS done
 WHERE r.id = {run} AND done->>'relation' IS NOT NULL;

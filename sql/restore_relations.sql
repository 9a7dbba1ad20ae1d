-- The relations that a run has cleaned.
SELECT done->>'relation' FROM sqlrail.run AS r, jsonb_array_elements(r.relations) AS done WHERE r.id = {run};

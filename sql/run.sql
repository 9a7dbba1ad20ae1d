-- A run as it was logged, what is left of it in the archive, and who put back or purged the rest.
SELECT r.verb,
       (SELECT array_agg(DISTINCT relation ORDER BY relation) FROM sqlrail.archive WHERE run = r.id),
       (SELECT array_agg(done->>'relation') FROM jsonb_array_elements(r.relations) AS done),
       (SELECT array_agg(DISTINCT (done->>'of')::bigint) FROM jsonb_array_elements(r.relations) AS done
         WHERE done ? 'of'),
       (SELECT array_agg(format('%s %s', later.verb, later.id) ORDER BY later.id) FROM sqlrail.run AS later
         WHERE later.relations @> jsonb_build_array(jsonb_build_object('of', r.id))),
       current_setting('session_replication_role') = 'replica'
  FROM sqlrail.run AS r WHERE r.id = {run};

-- A run as it was logged, or rows that somebody left of it; what is left of it in the archive, and who put back or purged the rest.
SELECT r.verb,
       (SELECT array_agg(DISTINCT relation ORDER BY relation) FROM sqlrail.archive WHERE run = wanted.id),
       (SELECT array_agg(done->>'relation') FROM jsonb_array_elements(it.relations) AS done),
       (SELECT array_agg(DISTINCT done->>'of') FROM jsonb_array_elements(it.relations) AS done
         WHERE done ? 'of'),
       (SELECT array_agg(format('%s %s', later.verb, later.id) ORDER BY later.id) FROM sqlrail.run AS later
         WHERE later.relations @> jsonb_build_array(jsonb_build_object('of', wanted.id))),
       current_setting('session_replication_role') = 'replica'
  FROM (SELECT {run}::bigint AS id) AS wanted
  LEFT JOIN sqlrail.run AS r USING (id)
 CROSS JOIN LATERAL (SELECT jsonb_path_query_array(coalesce(r.relations, '[]'), '$[*] ? (@.type() == "object")') AS relations) AS it
 WHERE r.id IS NOT NULL OR EXISTS (SELECT FROM sqlrail.archive WHERE run = wanted.id);

-- Every run, and what of it is still in the archive, where somebody has deleted the run as well. Times are UTC.
SELECT coalesce(r.id, kept.run), r.started_at AT TIME ZONE 'UTC', r.verb, r.migration_id, r.actor,
       jsonb_path_query_array(coalesce(r.relations, '[]'), '$[*] ? (@.type() == "object")'), coalesce(kept.actions, '[]')
  FROM sqlrail.run AS r
  FULL JOIN (SELECT run, jsonb_agg(jsonb_build_object('relation', relation, 'source', source, 'action', action,
                                                      'rows', rows) ORDER BY relation, source, action) AS actions
               FROM (SELECT run, relation, source, action, count(*) AS rows
                       FROM sqlrail.archive GROUP BY 1, 2, 3, 4) AS counted
              GROUP BY 1) AS kept ON kept.run = r.id
 ORDER BY 1;

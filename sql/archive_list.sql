-- Every run, and what of it is still in the archive. Times are UTC.
SELECT r.id, r.started_at AT TIME ZONE 'UTC', r.verb, r.migration_id, r.actor, r.relations, coalesce(kept.actions, '[]')
  FROM sqlrail.run AS r
  LEFT JOIN (SELECT run, jsonb_agg(jsonb_build_object('relation', relation, 'source', source, 'action', action,
                                                      'rows', rows) ORDER BY relation, source, action) AS actions
               FROM (SELECT run, relation, source, action, count(*) AS rows
                       FROM sqlrail.archive GROUP BY 1, 2, 3, 4) AS counted
              GROUP BY 1) AS kept ON kept.run = r.id
 ORDER BY r.id;

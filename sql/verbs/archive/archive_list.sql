-- Every run, and what of it is still in the archive, where somebody has deleted the run as well. Of a tenant those that have
-- rows of its schema there, or say that they were about it, and those that restored or purged some of these. Times are UTC.
WITH kept AS (
    SELECT run, jsonb_agg(jsonb_build_object('relation', relation, 'source', source, 'action', action, 'rows', rows)
                          ORDER BY relation, source, action) AS actions
      FROM (SELECT run, relation, source, split_part(action, ' packed', 1) AS action, sum({rows})::bigint AS rows
              FROM sqlrail.archive WHERE {own} GROUP BY 1, 2, 3, 4) AS counted
     GROUP BY 1
), noted AS (
    SELECT r.id, jsonb_path_query_array(coalesce(r.relations, '[]'), '$[*] ? (@.type() == "object")') AS relations FROM sqlrail.run AS r
), its AS (
    SELECT run FROM kept
    UNION
    SELECT n.id FROM noted AS n, jsonb_array_elements(n.relations) AS one
     WHERE strpos(one ->> 'parent', format('%I.', {tenant}::text)) = 1
)
SELECT coalesce(r.id, kept.run), r.started_at AT TIME ZONE 'UTC', r.verb, r.migration_id, r.actor,
       coalesce((SELECT n.relations FROM noted AS n WHERE n.id = r.id), '[]'), coalesce(kept.actions, '[]')
  FROM sqlrail.run AS r
  FULL JOIN kept ON kept.run = r.id
 WHERE {tenant}::text IS NULL OR coalesce(r.id, kept.run) IN (SELECT run FROM its)
    OR EXISTS (SELECT FROM noted AS n, jsonb_array_elements(n.relations) AS one
                WHERE n.id = r.id AND (one ->> 'of')::bigint IN (SELECT run FROM its))
 ORDER BY 1;

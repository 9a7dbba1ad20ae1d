-- Rows of the archive that no cleanup has written so.
SELECT array_agg(id ORDER BY id), 'DELETE FROM sqlrail.archive WHERE id IN (' || string_agg(id::text, ', ' ORDER BY id) || ')'
  FROM (SELECT id FROM sqlrail.archive
         WHERE run = {run} AND ({relation}::text IS NULL OR relation = {relation})
           AND (relation = ANY ({unread}::text[])
                OR CASE WHEN action LIKE '% packed' THEN NOT {is_pack} ELSE jsonb_typeof(cells) <> 'object' END)
         ORDER BY id LIMIT 20) AS spoilt
HAVING count(*) > 0;

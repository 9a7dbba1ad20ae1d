-- The orphans of earlier rounds, where rows below the deleted ones lose their parents in turn.
(SELECT coalesce(sum((done->>'orphans')::bigint), 0)::bigint AS orphans
          FROM sqlrail.run AS r, jsonb_array_elements(r.relations) AS done
         WHERE r.id = nullif(current_setting('sqlrail.run', true), '')::bigint
           AND done->>'relation' = {relation}) AS earlier

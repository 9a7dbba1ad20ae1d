-- The statement that this project is named after in its story, made safe. What it needs stands before it: the locks
-- (lock_relations.sql), the guards (relation.sql, weigh_orphans.sql), the orphans found.
--   DELETE FROM usage_analytics WHERE user_id NOT IN (SELECT id FROM users)
-- NOT IN, which stands in _still_orphan.sql, looks only at what was found, and only by the parent's key: no work_mem makes
-- it quadratic. Every name is qualified: a column that the parent lacks would silently be the child's own. IS NOT NULL: a
-- null is NOT IN an empty set, and is nobody's orphan. The child's row is held against itself: only the WHERE compares, with
-- the operator of the key. Rows that violate another constraint go by the same statement.
{writes}
WITH deleted AS (
    DELETE FROM {child} AS c
     WHERE {is_staged}
       AND {still}
    RETURNING {cells} AS cells
), archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, {went_as}, cells FROM deleted
    RETURNING action
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM deleted)::text, true),
       set_config('sqlrail.archived', (SELECT count(*) FROM archived)::text, true);
{ours}

-- Those that no parent has, where child and parent lie on different nodes: the keys of the child go to the parents, which
-- answer with those that they have. A join, for each shard then looks the keys up among its parents, where EXISTS has it
-- prepare all keys first, or go through them again for each parent: of a million keys that never ends.
parent_key AS MATERIALIZED (
    SELECT DISTINCT {keys_as_staged} FROM child_key AS o JOIN {parent} AS p ON {has_parent}
), lost AS MATERIALIZED (
    SELECT o.* FROM child_key AS o WHERE NOT EXISTS (SELECT 1 FROM parent_key AS p WHERE {has_parent_staged})
)

-- Those that no parent has, where child and parent lie on different nodes: the keys of the child go to the parents, which
-- answer with those that they have.
parent_key AS MATERIALIZED (
    SELECT {keys_as_staged} FROM {parent} AS p WHERE EXISTS (SELECT 1 FROM child_key AS o WHERE {has_parent})
), lost AS MATERIALIZED (
    SELECT o.* FROM child_key AS o WHERE NOT EXISTS (SELECT 1 FROM parent_key AS p WHERE {has_parent_staged})
)

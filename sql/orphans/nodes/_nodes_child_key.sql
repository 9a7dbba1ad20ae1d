-- The distinct keys of the child, each with its rows.
child_key AS MATERIALIZED (
    SELECT {columns_staged}, count(*) AS rows FROM {child} AS c WHERE {has_key} GROUP BY {columns}
)

-- How the orphans' keys would be looked for.
EXPLAIN (FORMAT JSON) SELECT {columns} FROM {child} AS c WHERE {violates};

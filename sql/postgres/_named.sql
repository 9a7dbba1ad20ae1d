-- The table that a name leads to, as the search_path was before ours.sql; none where it leads nowhere. An expression.
(SELECT found.oid
   FROM parse_ident({written}) AS given(parts)
   JOIN pg_catalog.pg_class AS found ON found.relname = parts[cardinality(parts)]::name
   JOIN pg_catalog.pg_namespace AS its ON its.oid = found.relnamespace
    AND its.nspname = ANY (CASE cardinality(parts) WHEN 1 THEN current_setting('sqlrail.schemas')::name[]
                                                   ELSE parts[cardinality(parts) - 1:cardinality(parts) - 1]::name[] END)
  ORDER BY array_position(current_setting('sqlrail.schemas')::name[], its.nspname) LIMIT 1)

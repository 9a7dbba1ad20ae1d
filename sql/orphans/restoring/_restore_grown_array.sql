-- The same of each in an array, as far as it is a plain list.
CASE WHEN pg_catalog.array_ndims({cell}::text[]) = 1 AND pg_catalog.array_lower({cell}::text[], 1) = 1
     THEN ARRAY(SELECT {grown} FROM pg_catalog.unnest({cell}::text[]) WITH ORDINALITY AS item(cell, n) ORDER BY n)::text
     ELSE {cell} END

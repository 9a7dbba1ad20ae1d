-- Tables that Citus distributes by a column, with that, and reference tables; sent where there is Citus.
SELECT n.nspname, c.relname, pg_catalog.column_to_column_name(p.logicalrelid, p.partkey)
  FROM pg_catalog.pg_dist_partition AS p
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) p.logicalrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
 WHERE p.partmethod OPERATOR(pg_catalog.=) 'h'::pg_catalog."char"
    OR p.partmethod OPERATOR(pg_catalog.=) 'n'::pg_catalog."char" AND p.repmodel OPERATOR(pg_catalog.=) 't'::pg_catalog."char";

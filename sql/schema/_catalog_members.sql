-- The tables that lie together on nodes of Citus. A group's number differs from database to database: it is known by the names
-- of its tables, or by a digest of these, which has 128 bits. Partitions go with their tables. A subquery.
(SELECT g.place, g.names, concat_ws(' ', hashtextextended(g.names, 0), hashtextextended(g.names, 1)) AS digest
   FROM (SELECT o.place, string_agg(format('%I.%I', n.nspname, t.relname), ', ' ORDER BY n.nspname COLLATE "C", t.relname COLLATE "C") AS names
           FROM {placed} AS o
           JOIN pg_catalog.pg_class AS t ON t.oid = o.oid
           JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
          WHERE o.place <> 0 AND NOT t.relispartition
          GROUP BY o.place) AS g)

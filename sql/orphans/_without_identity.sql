-- Whether the publication p has the rows of the table c, and c no replica identity, by which a subscriber would know the
-- row that is changed or deleted: PostgreSQL refuses the statement then. An expression.
(c.relkind = 'r' AND c.relpersistence = 'p' AND c.relreplident <> 'f'
 AND (p.puballtables
      OR EXISTS (SELECT FROM (SELECT c.oid AS relid UNION SELECT relid FROM pg_catalog.pg_partition_ancestors(c.oid)) AS kin
                   JOIN pg_catalog.pg_class AS k ON k.oid = kin.relid
                  WHERE EXISTS (SELECT FROM pg_catalog.pg_publication_rel WHERE prpubid = p.oid AND prrelid = k.oid)
                     OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace
                                 WHERE pnpubid = p.oid AND pnnspid = k.relnamespace)))
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_index
                  WHERE indrelid = c.oid AND indisvalid
                    AND CASE c.relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident ELSE false END))

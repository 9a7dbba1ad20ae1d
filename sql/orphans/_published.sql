-- The publications that would give the archive away. An expression.
(SELECT string_agg(pubname, ', ' ORDER BY pubname) FROM pg_catalog.pg_publication AS p
  WHERE pubinsert
    AND (puballtables
         OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace
                     WHERE pnpubid = p.oid AND pnnspid = to_regnamespace('sqlrail'))
         OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel
                     WHERE prpubid = p.oid AND prrelid = to_regclass('sqlrail.archive'))))

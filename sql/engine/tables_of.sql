-- The table that a name leads to (that of an index, where it is one's) and its TOAST table; none where it leads nowhere.
SELECT (SELECT coalesce(array_agg(t.oid::bigint), '{{}}')
          FROM pg_catalog.pg_class AS named
          LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = named.oid
          JOIN pg_catalog.pg_class AS owner ON owner.oid = coalesce(i.indrelid, named.oid)
          JOIN pg_catalog.pg_class AS t ON t.oid IN (owner.oid, owner.reltoastrelid)
         WHERE named.oid = {named});

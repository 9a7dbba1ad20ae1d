-- Tables without a primary key: nothing names one row of them, and logical replication refuses their updates.
SELECT k.name, 'table', 'it has no primary key: nothing names one row of it, and logical replication cannot update it',
       CASE WHEN fit.name IS NOT NULL THEN NULL
            WHEN k.unique_constraint IS NOT NULL THEN
                format('its constraint %I would do: drop it, and add a primary key of the same columns', k.unique_constraint)
            ELSE 'decide which columns name a row, or add one: ALTER TABLE … ADD COLUMN … bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY'
       END,
       CASE WHEN fit.name IS NOT NULL THEN ARRAY[format('ALTER TABLE %s ADD PRIMARY KEY USING INDEX %I', k.name, fit.name)] END,
       NULL::text[], NULL::jsonb, NULL::text
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
 CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS name,
             (SELECT min(d.conname::text) FROM pg_catalog.pg_constraint AS d
               WHERE d.conrelid = x.oid AND d.contype = 'u' AND NOT d.condeferrable
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                                  WHERE a.attrelid = x.oid AND a.attnum = ANY (d.conkey) AND NOT a.attnotnull)) AS unique_constraint) AS k
  LEFT JOIN LATERAL (
      SELECT c.relname AS name
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
       WHERE i.indrelid = x.oid AND x.relkind = 'r' AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
         AND i.indexprs IS NULL AND NOT i.indnullsnotdistinct AND 0 = ALL (i.indoption::int2[])
         -- A primary key has each type's own order, and no other.
         AND NOT EXISTS (SELECT FROM unnest(i.indclass::oid[]) AS o(oid) JOIN pg_catalog.pg_opclass AS class USING (oid) WHERE NOT class.opcdefault)
         AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[], i.indcollation::oid[]) AS o(number, sorted)
                           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.oid AND a.attnum = o.number
                          WHERE NOT a.attnotnull OR a.attcollation <> o.sorted)
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS d WHERE d.conindid = c.oid AND d.contype IN ('p', 'u', 'x'))
       ORDER BY i.indnkeyatts, length(c.relname), c.oid LIMIT 1) AS fit ON true
 WHERE NOT x.relispartition AND {tables}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = x.oid AND i.indisprimary)
 ORDER BY 1;

-- The trigger f of the table at the top, of which t of a partition is a copy, or a copy of a copy.
  CROSS JOIN LATERAL (
      WITH RECURSIVE up(id, above) AS (
          SELECT t.oid, t.tgparentid
          UNION ALL
          SELECT p.oid, p.tgparentid FROM up JOIN pg_catalog.pg_trigger AS p ON p.oid = up.above)
      SELECT k.tableoid, k.oid, k.letter, e.enables
        FROM up
       CROSS JOIN LATERAL (SELECT p.tableoid, p.oid, p.tgenabled AS letter FROM pg_catalog.pg_trigger AS p WHERE p.oid = up.id) AS k
{enabled}
       WHERE up.above = 0) AS f

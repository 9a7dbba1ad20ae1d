-- Collations whose library sorts otherwise by now than when their indexes were made.
SELECT s.name, 'collation', format('its version was %s, and is %s by now: indexes made before may not find what is in them, and '
                                   'a cleanup would take such rows for orphans', s.recorded, coalesce(s.actual, 'unknown')),
       format('reindex what uses it, as REINDEX (CONCURRENTLY) TABLE or DATABASE, and only then: %s', s.refresh),
       NULL::text[], NULL::text[], NULL::jsonb, NULL::text
  FROM ({stale}) AS s
 ORDER BY 1;

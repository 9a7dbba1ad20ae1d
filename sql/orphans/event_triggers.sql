-- The event triggers that fire, each with its function as contexts of errors spell it.
SELECT e.evtname, quote_ident(f.proname)
  FROM pg_catalog.pg_event_trigger AS e
  JOIN pg_catalog.pg_proc AS f ON f.oid = e.evtfoid
 WHERE e.evtenabled IN ('O', 'A');

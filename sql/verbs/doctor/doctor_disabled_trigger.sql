-- Foreign keys whose own triggers are disabled, as a loader that was killed leaves them: they are valid, and check nothing.
-- One that only acts on a subscriber, or always, is so on purpose.
SELECT format('%I.%I', n.nspname, x.relname), format('constraint %I', d.conname),
       format('it does not act, for triggers of %s are disabled: rows without a parent get in, or stay when theirs goes', k.where),
       format('as a superuser %s; then clean the rows that came meanwhile (cleanup --relation), for a valid key is not checked again',
              k.enable),
       NULL::text[], NULL::text[], NULL::jsonb, NULL::text
  FROM pg_catalog.pg_constraint AS d
  JOIN pg_catalog.pg_class AS x ON x.oid = d.conrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
 CROSS JOIN LATERAL (
      SELECT string_agg(DISTINCT t.tgrelid::regclass::text, ' and ') AS where,
             string_agg(DISTINCT format('ALTER TABLE %s ENABLE TRIGGER ALL', t.tgrelid::regclass), '; ') AS enable
        FROM pg_catalog.pg_trigger AS t
       WHERE t.tgconstraint = d.oid AND t.tgenabled = 'D') AS k
 WHERE d.contype = 'f' AND k.where IS NOT NULL AND {tables}
 ORDER BY 1, 2;

-- Whether a copy that a test has used can be made as it was: sessions have to write down what they changed when they end,
-- and deleting rows without a trigger, reading every catalog too, is a superuser's.
SELECT current_setting('track_counts')::boolean AS is_counted,
       r.rolsuper AS is_superuser, r.rolname::text AS role
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = current_user;

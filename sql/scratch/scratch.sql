-- What making a scratch database takes. How texts are ordered has had a provider since 15, and the names of its columns
-- differ from major to major.
SELECT r.rolcreatedb OR r.rolsuper AS may_create, pg_catalog.pg_is_in_recovery() AS standby, current_user::text AS role,
       extract(epoch FROM pg_catalog.now())::bigint AS now, pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS collate, d.datctype::text AS ctype,
       said.facts ->> 'datlocprovider' AS provider,
       coalesce(said.facts ->> 'datlocale', said.facts ->> 'daticulocale') AS locale,
       coalesce(said.facts ->> 'daticurules', '') AS rules
  FROM pg_catalog.pg_roles AS r, pg_catalog.pg_database AS d
 CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d) AS facts) AS said
 WHERE r.rolname = current_user AND d.datname = pg_catalog.current_database();

-- What making a scratch database takes.
SELECT r.rolcreatedb OR r.rolsuper AS may_create, pg_is_in_recovery() AS standby, current_user AS role,
       pg_encoding_to_char(d.encoding) AS encoding, d.datcollate::text AS collate, d.datctype::text AS ctype,
       extract(epoch FROM now())::bigint AS now
  FROM pg_catalog.pg_roles AS r, pg_catalog.pg_database AS d
 WHERE r.rolname = current_user AND d.datname = current_database()

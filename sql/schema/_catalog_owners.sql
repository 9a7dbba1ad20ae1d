-- Whom what is not this role's belongs to: address and role.
SELECT format('%s/%s/0', o.class, o.oid), quote_ident(r.rolname)
  FROM (SELECT tableoid, oid, relowner FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL SELECT tableoid, oid, proowner FROM pg_catalog.pg_proc
        UNION ALL SELECT tableoid, oid, typowner FROM pg_catalog.pg_type
        UNION ALL SELECT tableoid, oid, nspowner FROM pg_catalog.pg_namespace
        UNION ALL SELECT tableoid, oid, stxowner FROM pg_catalog.pg_statistic_ext) AS o(class, oid, owner)
  JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
 WHERE o.oid >= 16384 AND r.rolname <> current_user

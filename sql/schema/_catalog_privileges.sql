-- What others than the owner may do: address, column, grantee, privilege, and whether they may pass it on.
SELECT o.address, o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       a.privilege_type, a.is_grantable
  FROM (SELECT format('%s/%s/0', tableoid, oid), NULL, relowner, coalesce(relacl, acldefault((CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", relowner))
          FROM pg_catalog.pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT format('%s/%s/0', c.tableoid, c.oid), quote_ident(a.attname), c.relowner, a.attacl
          FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
         WHERE c.oid >= 16384 AND a.attacl IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT format('%s/%s/0', tableoid, oid), NULL, proowner, coalesce(proacl, acldefault('f', proowner))
          FROM pg_catalog.pg_proc WHERE oid >= 16384
        UNION ALL
        SELECT format('%s/%s/0', tableoid, oid), NULL, typowner, coalesce(typacl, acldefault('T', typowner))
          FROM pg_catalog.pg_type WHERE oid >= 16384
        UNION ALL
        SELECT format('%s/%s/0', tableoid, oid), NULL, nspowner, coalesce(nspacl, acldefault('n', nspowner))
          FROM pg_catalog.pg_namespace) AS o(address, name, owner, acl)
 CROSS JOIN LATERAL aclexplode(o.acl) AS a
 WHERE a.grantee <> o.owner
 ORDER BY 1, 2, 3, 4

-- What is said of objects beside what made them: class, id, what, column, who or which, value.
SELECT f.class::bigint, f.id::bigint, f.what, f.field, f.subject, f.value
  FROM unnest({classes}::bigint[], {ids}::bigint[]) AS given(class, id)
 CROSS JOIN LATERAL (
      SELECT c.tableoid, c.oid, 'owner', NULL::text, NULL::text, quote_ident(pg_get_userbyid(c.relowner))
        FROM pg_catalog.pg_class AS c WHERE c.tableoid = given.class AND c.oid = given.id
      UNION ALL
      SELECT p.tableoid, p.oid, 'owner', NULL, NULL, quote_ident(pg_get_userbyid(p.proowner))
        FROM pg_catalog.pg_proc AS p WHERE p.tableoid = given.class AND p.oid = given.id
      UNION ALL
      SELECT o.class, o.id, 'privilege', o.field,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
             a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        FROM (SELECT c.tableoid, c.oid, NULL, coalesce(c.relacl, acldefault('r', c.relowner))
                FROM pg_catalog.pg_class AS c WHERE c.tableoid = given.class AND c.oid = given.id
              UNION ALL
              SELECT c.tableoid, c.oid, quote_ident(a.attname), a.attacl
                FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
               WHERE c.tableoid = given.class AND c.oid = given.id AND a.attnum > 0 AND a.attacl IS NOT NULL
              UNION ALL
              SELECT p.tableoid, p.oid, NULL, coalesce(p.proacl, acldefault('f', p.proowner))
                FROM pg_catalog.pg_proc AS p WHERE p.tableoid = given.class AND p.oid = given.id) AS o(class, id, field, acl)
       CROSS JOIN LATERAL aclexplode(o.acl) AS a
      UNION ALL
      SELECT d.classoid, d.objoid, 'comment', quote_ident(a.attname), NULL, d.description
        FROM pg_catalog.pg_description AS d
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
       WHERE d.classoid = given.class AND d.objoid = given.id
      UNION ALL
      SELECT l.classoid, l.objoid, 'label', quote_ident(a.attname), quote_ident(l.provider), l.label
        FROM pg_catalog.pg_seclabel AS l
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = l.objoid AND a.attnum = l.objsubid AND l.objsubid > 0
       WHERE l.classoid = given.class AND l.objoid = given.id
      UNION ALL
      SELECT t.tableoid, t.oid, 'enabled', NULL, t.tgrelid::regclass::text, format('%s %I', t.tgenabled, t.tgname)
        FROM pg_catalog.pg_trigger AS t WHERE t.tableoid = given.class AND t.oid = given.id
      UNION ALL
      SELECT c.tableoid, c.oid, 'field', quote_ident(a.attname), NULL, NULL
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
       WHERE c.tableoid = given.class AND c.oid = given.id AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT c.tableoid, c.oid, 'option', NULL, NULL, o.option
        FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL unnest(c.reloptions) AS o(option)
       WHERE c.tableoid = given.class AND c.oid = given.id
      UNION ALL
      SELECT p.tableoid, p.oid, 'option', NULL, NULL, o.option
        FROM pg_catalog.pg_proc AS p CROSS JOIN LATERAL unnest(p.proconfig) AS o(option)
       WHERE p.tableoid = given.class AND p.oid = given.id) AS f(class, id, what, field, subject, value);

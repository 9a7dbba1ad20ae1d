-- What code files can make: class, id, kind and the whole name of each, as DROP takes it.
SELECT o.class, o.id, o.kind, i.identity
  FROM (SELECT c.tableoid, c.oid, 'view' FROM pg_catalog.pg_class AS c WHERE c.relkind = 'v' AND c.oid >= 16384
        UNION ALL
        SELECT p.tableoid, p.oid, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END
          FROM pg_catalog.pg_proc AS p WHERE p.prokind IN ('f', 'p', 'w') AND p.oid >= 16384
        UNION ALL
        SELECT t.tableoid, t.oid, 'trigger' FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal AND t.tgparentid = 0
        UNION ALL
        SELECT s.tableoid, s.oid, 'policy' FROM pg_catalog.pg_policy AS s) AS o(class, id, kind)
 CROSS JOIN LATERAL pg_identify_object(o.class, o.id, 0) AS i

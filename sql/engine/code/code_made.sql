-- What the statement just now has made of a kind: its class, id and whole name. What this transaction, or a part of it, has
-- written last is that.
SELECT o.class::bigint, o.id::bigint, i.identity
  FROM (SELECT c.tableoid, c.oid, 'view', c.xmin, c.cmin FROM pg_catalog.pg_class AS c WHERE c.relkind = 'v'
        UNION ALL
        SELECT p.tableoid, p.oid, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, p.xmin, p.cmin
          FROM pg_catalog.pg_proc AS p
        UNION ALL
        SELECT t.tableoid, t.oid, 'trigger', t.xmin, t.cmin FROM pg_catalog.pg_trigger AS t
         WHERE NOT t.tgisinternal AND t.tgparentid = 0
        UNION ALL
        SELECT s.tableoid, s.oid, 'policy', s.xmin, s.cmin FROM pg_catalog.pg_policy AS s) AS o(class, id, kind, writer, command)
 CROSS JOIN LATERAL pg_identify_object(o.class, o.id, 0) AS i
 WHERE o.kind = {kind} AND {is_written}
 ORDER BY o.command::text::bigint DESC
 LIMIT 1;

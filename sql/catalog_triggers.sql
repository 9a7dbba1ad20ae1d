-- Triggers, rules and policies. A partition's copies of its table's triggers come with that.
SELECT format('%s/%s/0', t.tableoid, t.oid), 'trigger', n.nspname::text, k.table, k.table || '.' || k.name, 'trigger ' || k.name,
       format('TRIGGER %s ON %s', k.name, k.table), pg_get_triggerdef(t.oid), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, pg_get_triggerdef(t.oid), NULL, NULL),
           json_build_array('enabled', k.enabled,
               format('ALTER TABLE %s %s TRIGGER %s', k.table,
                      CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, k.name),
               'enabled'))
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(t.tgname) AS name,
             CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' WHEN 'A' THEN 'enabled always' ELSE 'enabled' END AS enabled) AS k
 WHERE t.oid >= 16384 AND NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT format('%s/%s/0', r.tableoid, r.oid), 'rule', n.nspname::text, k.table, k.table || '.' || k.name, 'rule ' || k.name,
       format('RULE %s ON %s', k.name, k.table), k.definition, NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, k.definition, NULL, NULL))
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(r.rulename) AS name,
                             rtrim(pg_get_ruledef(r.oid), ';') AS definition) AS k
 WHERE r.oid >= 16384 AND r.rulename <> '_RETURN'
UNION ALL
SELECT format('%s/%s/0', p.tableoid, p.oid), 'policy', n.nspname::text, k.table, k.table || '.' || k.name, 'policy ' || k.name,
       format('POLICY %s ON %s', k.name, k.table), format('CREATE POLICY %s ON %s %s', k.name, k.table, k.definition), NULL, NULL, NULL,
       format('ALTER POLICY %s ON %s RENAME TO', k.name, k.table), k.name, false, false,
       json_build_array(json_build_array(NULL, k.definition, NULL, NULL))
  FROM pg_catalog.pg_policy AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(p.polname) AS name,
             concat(CASE WHEN p.polpermissive THEN '' ELSE 'AS RESTRICTIVE ' END,
                    'FOR ', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                    ' TO ', (SELECT string_agg(CASE r.oid WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.oid)) END, ', '
                                               ORDER BY pg_get_userbyid(r.oid)) FROM unnest(p.polroles) AS r(oid)),
                    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                    ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS definition) AS k

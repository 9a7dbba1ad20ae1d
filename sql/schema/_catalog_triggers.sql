-- Triggers, rules and policies. A partition's copies of its table's triggers come with that, and do what that does: when
-- they fire is told where it is not when the table's own does.
SELECT format('%s/%s/0', t.tableoid, t.oid), 'trigger', n.nspname::text, k.table, k.table || '.' || k.name, 'trigger ' || k.name,
       format('TRIGGER %s ON %s', k.name, k.table), pg_get_triggerdef(t.oid), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, pg_get_triggerdef(t.oid), NULL, NULL),
           json_build_array('enabled', e.enabled{so}, format('ALTER TABLE %s %s TRIGGER %s', k.table, e.enables, k.name), 'enabled'{end}))
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(t.tgname) AS name, t.tgenabled AS letter OFFSET 0) AS k
{enabled}
 WHERE t.oid >= 16384 AND NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT format('state/%s/%s/0', t.tableoid, t.oid), 'trigger state', n.nspname::text, k.table, k.table || '.' || k.name, 'state of trigger ' || k.name,
       NULL, format('ALTER TABLE %s %s TRIGGER %s', k.table, e.enables, k.name), NULL, NULL,
       format('ALTER TABLE %s %s TRIGGER %s', k.table, f.enables, k.name), NULL, NULL, false, false,
       json_build_array(json_build_array(NULL, e.enabled{so}, format('ALTER TABLE %s %s TRIGGER %s', k.table, e.enables, k.name), NULL{end}))
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
{first}
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(t.tgname) AS name, t.tgenabled AS letter OFFSET 0) AS k
{enabled}
 WHERE NOT t.tgisinternal AND t.tgparentid <> 0 AND t.tgenabled <> f.letter
UNION ALL
SELECT format('%s/%s/0', r.tableoid, r.oid), 'rule', n.nspname::text, k.table, k.table || '.' || k.name, 'rule ' || k.name,
       format('RULE %s ON %s', k.name, k.table), k.definition, NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, k.definition, NULL, NULL),
           json_build_array('enabled', e.enabled{so}, format('ALTER TABLE %s %s RULE %s', k.table, e.enables, k.name), 'enabled'{end}))
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(r.rulename) AS name,
                             rtrim(pg_get_ruledef(r.oid), ';') AS definition, r.ev_enabled AS letter OFFSET 0) AS k
{enabled}
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
                    ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS definition OFFSET 0) AS k
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'event trigger', NULL, NULL, k.name, 'event trigger ' || k.name, 'EVENT TRIGGER ' || k.name,
       format('CREATE EVENT TRIGGER %s %s', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array(NULL, k.definition, NULL, NULL),
           json_build_array('enabled', e.enabled{so}, format('ALTER EVENT TRIGGER %s %s', k.name, e.enables), 'enabled'{end}))
  FROM pg_catalog.pg_event_trigger AS x
  CROSS JOIN LATERAL (
      SELECT quote_ident(x.evtname) AS name, x.evtenabled AS letter,
             concat('ON ', x.evtevent, ' WHEN TAG IN (' || (SELECT string_agg(quote_literal(g.tag), ', ' ORDER BY g.tag) FROM unnest(x.evttags) AS g(tag)) || ')',
                    ' EXECUTE FUNCTION ', x.evtfoid::regproc, '()') AS definition OFFSET 0) AS k
{enabled}
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS m WHERE m.classid = x.tableoid AND m.objid = x.oid AND m.deptype = 'e')

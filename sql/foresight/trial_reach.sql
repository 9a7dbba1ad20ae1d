-- What a statement can set off in this database, by name: functions with their bodies, and relations with what acts on their
-- rows (functions of triggers, defaults, checks, indexes and policies; what a view reads; what keys and inheritance lead to).
-- Where something is not the database's own to take back, it says what: a foreign table, code in a language that may do
-- anything, an extension that talks to others.
WITH own AS (
    SELECT c.oid, c.relname::text AS name, c.relkind
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'sqlrail') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
), parts AS (
    SELECT tgrelid AS relation, 'pg_proc'::regclass AS class, tgfoid AS oid FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT confrelid, 'pg_class'::regclass, conrelid FROM pg_constraint WHERE contype = 'f'
    UNION ALL SELECT inhparent, 'pg_class'::regclass, inhrelid FROM pg_inherits
    UNION ALL
    SELECT coalesce(r.ev_class, a.adrelid, k.conrelid, x.indrelid, p.polrelid), d.refclassid, d.refobjid
      FROM pg_depend AS d
      LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      LEFT JOIN pg_attrdef AS a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
      LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
      LEFT JOIN pg_index AS x ON d.classid = 'pg_class'::regclass AND x.indexrelid = d.objid
      LEFT JOIN pg_policy AS p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
     WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_class'::regclass) AND d.refobjid >= 16384::oid
)
SELECT f.proname::text AS name, coalesce(pg_get_function_sqlbody(f.oid), f.prosrc) AS body, ARRAY[]::text[] AS leads,
       CASE WHEN e.extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'http', 'pg_net', 'aws_s3', 'aws_lambda', 'adminpack',
                               'pg_background', 'pg_cron', 'plproxy', 'amqp', 'pgq', 'pgmq', 'lo')
            THEN format('%s of the extension %s', f.proname, e.extname)
            WHEN NOT l.lanpltrusted AND e.extname IS NULL THEN format('%s, in the language %s', f.proname, l.lanname)
       END AS why
  FROM pg_proc AS f
  JOIN pg_language AS l ON l.oid = f.prolang
  LEFT JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e'
  LEFT JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
 WHERE f.oid >= 16384::oid
UNION ALL
SELECT o.name, '',
       ARRAY(SELECT coalesce(f.proname::text, r.name)
               FROM parts AS p
               LEFT JOIN pg_proc AS f ON p.class = 'pg_proc'::regclass AND f.oid = p.oid
               LEFT JOIN own AS r ON p.class = 'pg_class'::regclass AND r.oid = p.oid
              WHERE p.relation = o.oid AND coalesce(f.proname::text, r.name) IS NOT NULL),
       CASE WHEN o.relkind = 'f' THEN format('the foreign table %s', o.oid::regclass) END
  FROM own AS o;

-- Tables, what they inherit from, and the tables that they are partitions of.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'table', n.nspname::text, k.name, k.name, k.name,
       CASE x.relkind WHEN 'f' THEN 'FOREIGN ' ELSE '' END || 'TABLE ' || k.name,
       format('CREATE %sTABLE %s', CASE WHEN x.relkind = 'f' THEN 'FOREIGN ' WHEN x.relpersistence = 'u' THEN 'UNLOGGED ' ELSE '' END, k.name),
       NULL,
       CASE x.relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(x.oid)
                      WHEN 'f' THEN ' SERVER ' || quote_ident(s.srvname) || k.options ELSE '' END
           || CASE WHEN am.amname <> 'heap' THEN ' USING ' || quote_ident(am.amname) ELSE '' END,
       NULL, NULL, NULL, x.relkind <> 'f', false,
       json_build_array(
           json_build_array('kind', CASE x.relkind WHEN 'f' THEN 'foreign table of ' || quote_ident(s.srvname) || k.options
                                                   ELSE 'table' END, NULL, NULL),
           json_build_array('persistence', CASE x.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END{so},
               format('ALTER TABLE %s SET %s', k.name, CASE x.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END), NULL{end}),
           json_build_array('access method', coalesce(am.amname, 'heap'){so},
               CASE WHEN x.relkind = 'r' THEN format('ALTER TABLE %s SET ACCESS METHOD %I', k.name, am.amname) END, NULL{end}),
           json_build_array('row type', CASE WHEN x.reloftype <> 0 THEN x.reloftype::regtype::text ELSE 'its own' END{so},
               concat('ALTER TABLE ', k.name, CASE WHEN x.reloftype <> 0 THEN ' OF ' || x.reloftype::regtype ELSE ' NOT OF' END), 'its own'{end}),
           json_build_array('partitioned', pg_get_partkeydef(x.oid), NULL, NULL),
           json_build_array('row-level security', CASE WHEN x.relrowsecurity THEN 'on' ELSE 'off' END{so},
               format('ALTER TABLE %s %s ROW LEVEL SECURITY', k.name, CASE WHEN x.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END), 'off'{end}),
           json_build_array('row-level security of its owner', CASE WHEN x.relforcerowsecurity THEN 'on' ELSE 'off' END{so},
               format('ALTER TABLE %s %s ROW LEVEL SECURITY', k.name, CASE WHEN x.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END), 'off'{end}))
  FROM pg_catalog.pg_class AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  LEFT JOIN pg_catalog.pg_am AS am ON am.oid = x.relam
  LEFT JOIN pg_catalog.pg_foreign_table AS f ON f.ftrelid = x.oid
  LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.relname) AS name,
             coalesce(' OPTIONS (' || (SELECT string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                                         FROM pg_options_to_table(f.ftoptions) AS o) || ')', '') AS options OFFSET 0) AS k
 WHERE x.relkind IN ('r', 'p', 'f') AND x.oid NOT IN ({bookkeeping})
   AND {ours}
UNION ALL
SELECT format('link%s/%s/%s/0', i.inhparent, x.tableoid, x.oid), 'link', n.nspname::text, k.name, k.name || ' ' || k.parent,
       CASE WHEN x.relispartition THEN 'partition of ' ELSE 'inherits ' END || k.parent, NULL,
       CASE WHEN x.relispartition THEN format('ALTER TABLE %s ATTACH PARTITION %s %s', k.parent, k.name, pg_get_expr(x.relpartbound, x.oid))
            ELSE format('ALTER TABLE %s INHERIT %s', k.name, k.parent) END,
       CASE WHEN NOT x.relispartition THEN k.parent END, i.inhseqno::text,
       CASE WHEN x.relispartition THEN format('ALTER TABLE %s DETACH PARTITION %s', k.parent, k.name)
            ELSE format('ALTER TABLE %s NO INHERIT %s', k.name, k.parent) END, NULL, NULL, false, false,
       CASE WHEN x.relispartition THEN json_build_array(json_build_array(NULL, pg_get_expr(x.relpartbound, x.oid), NULL, NULL))
            ELSE '[]' END
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS x ON x.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhparent
  JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.relname) AS name, format('%I.%I', cn.nspname, c.relname) AS parent OFFSET 0) AS k
 WHERE x.relkind IN ('r', 'p', 'f') AND {ours}

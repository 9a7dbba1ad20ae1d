-- Dictionaries and configurations of text search.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'text search dictionary', n.nspname::text, NULL, k.name, k.name, 'TEXT SEARCH DICTIONARY ' || k.name,
       format('CREATE TEXT SEARCH DICTIONARY %s (%s)', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_ts_dict AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.dictnamespace
  JOIN pg_catalog.pg_ts_template AS t ON t.oid = x.dicttemplate
  JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.tmplnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.dictname) AS name,
                             concat_ws(', ', format('TEMPLATE = %I.%I', tn.nspname, t.tmplname), x.dictinitoption) AS definition) AS k
 WHERE {ours}
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'text search configuration', n.nspname::text, NULL, k.name, k.name,
       'TEXT SEARCH CONFIGURATION ' || k.name,
       format('CREATE TEXT SEARCH CONFIGURATION %s (PARSER = %s)%s', k.name, k.parser, m.mappings), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.parser || m.mappings, NULL, NULL))
  FROM pg_catalog.pg_ts_config AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.cfgnamespace
  JOIN pg_catalog.pg_ts_parser AS p ON p.oid = x.cfgparser
  JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.prsnamespace
  CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, x.cfgname) AS name, format('%I.%I', pn.nspname, p.prsname) AS parser) AS k
  CROSS JOIN LATERAL (
      SELECT coalesce(string_agg(format(E';\nALTER TEXT SEARCH CONFIGURATION %s ADD MAPPING FOR %s WITH %s', k.name, o.alias, o.dictionaries), '' ORDER BY o.alias), '') AS mappings
        FROM (SELECT t.alias, string_agg(format('%I.%I', dn.nspname, d.dictname), ', ' ORDER BY g.mapseqno) AS dictionaries
                FROM pg_catalog.pg_ts_config_map AS g
                JOIN ts_token_type(x.cfgparser) AS t ON t.tokid = g.maptokentype
                JOIN pg_catalog.pg_ts_dict AS d ON d.oid = g.mapdict
                JOIN pg_catalog.pg_namespace AS dn ON dn.oid = d.dictnamespace
               WHERE g.mapcfg = x.oid GROUP BY t.alias) AS o) AS m
 WHERE {ours}

-- Collations, operators and casts. What else an operator stands in a relation to may come later: no dependency says so.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'collation', n.nspname::text, NULL, k.name, k.name, 'COLLATION ' || k.name,
       format('CREATE COLLATION %s (%s)', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_collation AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.collnamespace
  CROSS JOIN LATERAL (SELECT to_jsonb(x) AS row) AS r  -- each major calls them by another name
  CROSS JOIN LATERAL (
      SELECT format('%I.%I', n.nspname, x.collname) AS name,
             concat_ws(', ', 'PROVIDER = ' || CASE x.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
                       CASE WHEN NOT x.collisdeterministic THEN 'DETERMINISTIC = false' END,
                       'LOCALE = ' || quote_literal(coalesce(r.row ->> 'colllocale', r.row ->> 'colliculocale')),
                       'RULES = ' || quote_literal(r.row ->> 'collicurules'),
                       'LC_COLLATE = ' || quote_literal(x.collcollate), 'LC_CTYPE = ' || quote_literal(x.collctype)) AS definition) AS k
 WHERE x.oid >= 16384 AND {ours}
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'operator', n.nspname::text, NULL, k.name, k.name, 'OPERATOR ' || k.name,
       format('CREATE OPERATOR %I.%s (%s)', n.nspname, x.oprname, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_operator AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.oprnamespace
  CROSS JOIN LATERAL (
      SELECT format('%I.%s (%s, %s)', n.nspname, x.oprname, coalesce(format_type(nullif(x.oprleft, 0), NULL), 'NONE'), format_type(x.oprright, NULL)) AS name,
             concat_ws(', ', 'FUNCTION = ' || x.oprcode, 'LEFTARG = ' || format_type(nullif(x.oprleft, 0), NULL), 'RIGHTARG = ' || format_type(x.oprright, NULL),
                       (SELECT format('COMMUTATOR = OPERATOR(%I.%s)', pn.nspname, p.oprname) FROM pg_catalog.pg_operator AS p
                          JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.oprnamespace WHERE p.oid = x.oprcom),
                       (SELECT format('NEGATOR = OPERATOR(%I.%s)', pn.nspname, p.oprname) FROM pg_catalog.pg_operator AS p
                          JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.oprnamespace WHERE p.oid = x.oprnegate),
                       CASE WHEN x.oprrest <> 0 THEN 'RESTRICT = ' || x.oprrest END, CASE WHEN x.oprjoin <> 0 THEN 'JOIN = ' || x.oprjoin END,
                       CASE WHEN x.oprcanhash THEN 'HASHES' END, CASE WHEN x.oprcanmerge THEN 'MERGES' END) AS definition) AS k
 WHERE x.oid >= 16384 AND x.oprcode <> 0 AND {ours}
UNION ALL
SELECT format('%s/%s/0', x.tableoid, x.oid), 'cast', NULL, NULL, k.name, k.name, 'CAST ' || k.name,
       format('CREATE CAST %s %s', k.name, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_cast AS x
  CROSS JOIN LATERAL (
      SELECT format('(%s AS %s)', format_type(x.castsource, NULL), format_type(x.casttarget, NULL)) AS name,
             CASE x.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || x.castfunc::regprocedure WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END
                 || CASE x.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END AS definition) AS k
 WHERE x.oid >= 16384
   -- That of a range comes with its type.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                    WHERE e.classid = x.tableoid AND e.objid = x.oid AND e.deptype IN ('e', 'i'))

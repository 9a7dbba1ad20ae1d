-- Aggregates.
SELECT format('%s/%s/0', x.tableoid, x.oid), 'aggregate', n.nspname::text, NULL, k.name, k.name, k.what,
       format('CREATE %s (%s)', k.what, k.definition), NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(json_build_array('definition', k.definition, NULL, NULL))
  FROM pg_catalog.pg_proc AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.pronamespace
  JOIN pg_catalog.pg_aggregate AS g ON g.aggfnoid = x.oid
  CROSS JOIN LATERAL (SELECT CASE g.aggkind WHEN 'n' THEN 'r' ELSE 's' END AS usual) AS u
  CROSS JOIN LATERAL (
      SELECT format('%I.%I(%s)', n.nspname, x.proname, oidvectortypes(x.proargtypes)) AS name,
             format('AGGREGATE %I.%I(%s)', n.nspname, x.proname, coalesce(nullif(pg_get_function_arguments(x.oid), ''), '*')) AS what,
             concat_ws(', ',
                 'SFUNC = ' || g.aggtransfn, 'STYPE = ' || format_type(g.aggtranstype, NULL), 'SSPACE = ' || nullif(g.aggtransspace, 0),
                 CASE WHEN g.aggfinalfn <> 0 THEN 'FINALFUNC = ' || g.aggfinalfn END,
                 CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
                 CASE WHEN g.aggfinalmodify <> u.usual THEN 'FINALFUNC_MODIFY = ' || (SELECT f.spelt FROM (VALUES ('r', 'READ_ONLY'), ('s', 'SHAREABLE'), ('w', 'READ_WRITE')) AS f(letter, spelt) WHERE f.letter = g.aggfinalmodify) END,
                 CASE WHEN g.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || g.aggcombinefn END,
                 CASE WHEN g.aggserialfn <> 0 THEN 'SERIALFUNC = ' || g.aggserialfn END,
                 CASE WHEN g.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || g.aggdeserialfn END,
                 'INITCOND = ' || quote_literal(g.agginitval),
                 CASE WHEN g.aggmtransfn <> 0 THEN 'MSFUNC = ' || g.aggmtransfn END,
                 CASE WHEN g.aggminvtransfn <> 0 THEN 'MINVFUNC = ' || g.aggminvtransfn END,
                 CASE WHEN g.aggmtranstype <> 0 THEN 'MSTYPE = ' || format_type(g.aggmtranstype, NULL) END,
                 'MSSPACE = ' || nullif(g.aggmtransspace, 0),
                 CASE WHEN g.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || g.aggmfinalfn END,
                 CASE WHEN g.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
                 CASE WHEN g.aggmtransfn <> 0 AND g.aggmfinalmodify <> u.usual THEN 'MFINALFUNC_MODIFY = ' || (SELECT f.spelt FROM (VALUES ('r', 'READ_ONLY'), ('s', 'SHAREABLE'), ('w', 'READ_WRITE')) AS f(letter, spelt) WHERE f.letter = g.aggmfinalmodify) END,
                 'MINITCOND = ' || quote_literal(g.aggminitval),
                 (SELECT format('SORTOP = OPERATOR(%I.%s)', pn.nspname, p.oprname) FROM pg_catalog.pg_operator AS p
                    JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.oprnamespace WHERE p.oid = g.aggsortop),
                 CASE g.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END,
                 CASE x.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END) AS definition) AS k
 WHERE x.prokind = 'a' AND {ours}

-- Functions and procedures, told apart by the types of their arguments. Those that make a range come with its type.
SELECT format('%s/%s/0', x.tableoid, x.oid), k.kind, n.nspname::text, NULL, k.name, k.name, upper(k.kind) || ' ' || k.name,
       k.definition, NULL, NULL, NULL, NULL, NULL, false, false,
       json_build_array(
           json_build_array('arguments', pg_get_function_arguments(x.oid), NULL, NULL),
           json_build_array('returns', pg_get_function_result(x.oid), NULL, NULL),
           json_build_array('definition', k.definition, k.definition, NULL))
  FROM pg_catalog.pg_proc AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.pronamespace
  CROSS JOIN LATERAL (
      SELECT CASE x.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
             format('%I.%I(%s)', n.nspname, x.proname, pg_get_function_identity_arguments(x.oid)) AS name,
             rtrim(CASE WHEN x.prokind <> 'a' THEN pg_get_functiondef(x.oid) END, E'\n') AS definition) AS k
 WHERE x.prokind <> 'a' AND {ours}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS i
                    WHERE i.classid = x.tableoid AND i.objid = x.oid AND i.deptype = 'i')

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
      -- Without their names, or another name made it another function. What goes out tells procedures apart, not functions.
      SELECT string_agg(CASE u.mode WHEN 'v' THEN 'VARIADIC ' WHEN 'o' THEN 'OUT ' WHEN 'b' THEN 'INOUT ' ELSE '' END
                        || format_type(u.type, NULL), ', ' ORDER BY u.number) AS types
        FROM unnest(coalesce(x.proallargtypes, x.proargtypes), x.proargmodes) WITH ORDINALITY AS u(type, mode, number)
       WHERE u.mode IS NULL OR u.mode IN ('i', 'v', 'b') OR u.mode = 'o' AND x.prokind = 'p') AS a
  CROSS JOIN LATERAL (
      SELECT CASE x.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
             format('%I.%I(%s)', n.nspname, x.proname, a.types) AS name,
             -- With the ends of lines that a checkout elsewhere would have given its body.
             replace(rtrim(CASE WHEN x.prokind <> 'a' THEN pg_get_functiondef(x.oid) END, E'\n'), E'\r\n', E'\n') AS definition OFFSET 0) AS k
 WHERE x.prokind <> 'a' AND {ours}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS i
                    WHERE i.classid = x.tableoid AND i.objid = x.oid AND i.deptype = 'i')

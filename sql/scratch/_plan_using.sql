-- What an expression over a table means, in somebody's transaction that is taken back to here: {expression} is the file's own
-- text, so names in it lead where they lead in the file.
CREATE TEMP VIEW "sqlrail using" AS SELECT ({expression}
) AS "sqlrail using" FROM ONLY {table};
{ours}
SELECT pg_get_viewdef(v.oid), {leans}
  FROM pg_class AS v
  JOIN pg_rewrite AS r ON r.ev_class = v.oid
 WHERE v.relname = 'sqlrail using' AND v.relnamespace = pg_my_temp_schema();

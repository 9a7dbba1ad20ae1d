-- Which rows a DELETE takes, or an UPDATE gives another value, in somebody's transaction that is taken back to here:
-- {query} is made of the file's own text, so names in it lead where they lead in the file.
CREATE TEMP VIEW "sqlrail doomed" AS {query};
{ours}
SELECT pg_get_viewdef(v.oid), {leans}
  FROM pg_class AS v
  JOIN pg_rewrite AS r ON r.ev_class = v.oid
 WHERE v.relname = 'sqlrail doomed' AND v.relnamespace = pg_my_temp_schema()
   -- A view may run anybody's functions.
   AND NOT EXISTS (SELECT FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.refobjid
                    WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
                      AND c.oid <> v.oid AND c.relkind NOT IN ('r', 'p'));

-- Functions and procedures whose bodies are text that PostgreSQL reads when they run, and of each the tables whose triggers call
-- it; extensions' and PostgreSQL's own aside.
SELECT n.nspname::text AS schema, p.proname::text AS name, p.prosrc AS body,
       ARRAY(SELECT DISTINCT g.tgrelid::bigint FROM pg_trigger AS g
              WHERE g.tgfoid = p.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D' ORDER BY 1) AS tables
  FROM pg_proc AS p
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql')
 WHERE p.oid >= 16384::oid AND p.prosqlbody IS NULL
   AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY p.oid;

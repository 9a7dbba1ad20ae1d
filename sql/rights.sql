-- Which of the wanted rights the role lacks, as the statements that grant them. A right is wanted on a relation that
-- there is, or on a schema (name is null); CREATE is the schema's in any case, OWNER is that of whoever owns the relation.
WITH wanted AS (
    SELECT DISTINCT coalesce(w.schema, found.nspname, current_schema()) AS schema, w.name, w.right
      FROM jsonb_to_recordset({wanted}) AS w(schema text, name text, "right" text)
      -- A name without a schema is looked up along the search_path.
      LEFT JOIN LATERAL (
        SELECT n.nspname
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE w.schema IS NULL AND c.relname = w.name AND n.nspname = ANY (current_schemas(true))
         ORDER BY array_position(current_schemas(true), n.nspname)
         LIMIT 1
      ) AS found ON true
), relation AS (
    SELECT w.right, c.oid, c.relkind, c.relowner, format('%I.%I', w.schema, w.name) AS name
      FROM wanted AS w
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
)
SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
  FROM wanted AS w
 WHERE w.right = 'CREATE' AND w.schema = '' AND NOT has_database_privilege(current_database(), 'CREATE')
UNION
SELECT format('GRANT %s ON SCHEMA %I TO %I', string_agg(DISTINCT lacks.right, ', ' ORDER BY lacks.right DESC), n.nspname, current_user)
  FROM wanted AS w
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
 CROSS JOIN LATERAL (VALUES ('USAGE'), (CASE w.right WHEN 'CREATE' THEN 'CREATE' END)) AS lacks("right")
 WHERE NOT has_schema_privilege(n.oid, lacks.right)
 GROUP BY n.nspname
UNION
SELECT format('GRANT %s ON TABLE %s TO %I', rights, string_agg(name, ', ' ORDER BY name), current_user)
  FROM (SELECT name, string_agg("right", ', ' ORDER BY "right") AS rights
          FROM relation
         WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND "right" NOT IN ('CREATE', 'OWNER') AND NOT has_table_privilege(oid, "right")
         GROUP BY name) AS lacking
 GROUP BY rights
UNION
-- Nobody should become a member of a superuser.
SELECT CASE WHEN o.rolsuper THEN format('ALTER %s %s OWNER TO %I', CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                                        WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, coalesce(owned.name, r.name), current_user)
            ELSE format('GRANT %I TO %I', o.rolname, current_user)
       END
  FROM relation AS r
  JOIN pg_catalog.pg_roles AS o ON o.oid = r.relowner
  LEFT JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS name
                       FROM pg_catalog.pg_index AS i
                       JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
                       JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                      WHERE i.indexrelid = r.oid) AS owned ON true
 WHERE r.right = 'OWNER' AND NOT pg_has_role(r.relowner, 'USAGE')
 ORDER BY 1

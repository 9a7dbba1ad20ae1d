-- Which of the wanted rights the role lacks, as the statements that grant them. A right is wanted on a relation that
-- there is, or on a schema (name is null); CREATE is the schema's in any case, OWNER is that of whoever owns the relation.
WITH wanted AS (
    SELECT DISTINCT coalesce(w.schema, found.nspname, (current_setting('sqlrail.schemas')::name[])[1]) AS schema, w.name, w.right
      FROM jsonb_to_recordset({wanted}) AS w(schema text, name text, "right" text)
      -- A name without a schema is looked up along the search_path.
      LEFT JOIN LATERAL (
        SELECT n.nspname
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE w.schema IS NULL AND c.relname = w.name AND n.nspname = ANY (current_setting('sqlrail.schemas')::name[])
         ORDER BY array_position(current_setting('sqlrail.schemas')::name[], n.nspname)
         LIMIT 1
      ) AS found ON true
), relation AS (
    SELECT w.right, c.oid, c.relkind, c.relowner, format('%I.%I', w.schema, w.name) AS name
      FROM wanted AS w
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
), lacking(kind, remedy) AS (
    SELECT 1, format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
      FROM wanted AS w
     WHERE w.right = 'CREATE' AND w.schema = '' AND NOT has_database_privilege(current_database(), 'CREATE')
    UNION
    SELECT 2, format('GRANT %s ON SCHEMA %I TO %I', string_agg(DISTINCT its.right, ', ' ORDER BY its.right DESC),
                     n.nspname, current_user)
      FROM wanted AS w
      JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
     CROSS JOIN LATERAL (VALUES ('USAGE'), (CASE w.right WHEN 'CREATE' THEN 'CREATE' END)) AS its("right")
     WHERE NOT has_schema_privilege(n.oid, its.right)
     GROUP BY n.nspname
    UNION
    SELECT 3, format('GRANT %s ON TABLE %s TO %I', its.rights, string_agg(its.name, ', ' ORDER BY its.name), current_user)
      FROM (SELECT r.name, string_agg(r.right, ', ' ORDER BY r.right) AS rights
              FROM relation AS r
             -- In this order: a right that tables do not have would be an error.
             WHERE CASE WHEN r.right IN ('USAGE', 'CREATE', 'OWNER') OR r.relkind NOT IN ('r', 'p', 'v', 'm', 'f') THEN false
                        ELSE NOT has_table_privilege(r.oid, r.right) END
             GROUP BY r.name) AS its
     GROUP BY its.rights
    UNION
    -- Nobody should become a member of a superuser. An index is given away with its table.
    SELECT 4, CASE WHEN NOT o.rolsuper THEN format('GRANT %I TO %I', o.rolname, current_user)
                   ELSE format('ALTER %s %s OWNER TO %I',
                               CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                                              ELSE 'TABLE' END,
                               coalesce(indexed.name, r.name), current_user)
              END
      FROM relation AS r
      JOIN pg_catalog.pg_roles AS o ON o.oid = r.relowner
      LEFT JOIN LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS name
                           FROM pg_catalog.pg_index AS i
                           JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
                           JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                          WHERE i.indexrelid = r.oid) AS indexed ON true
     WHERE r.right = 'OWNER' AND NOT pg_has_role(r.relowner, 'USAGE')
)
SELECT remedy FROM lacking ORDER BY kind, remedy;

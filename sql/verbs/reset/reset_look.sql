-- The things that a reset drops, with their names, and whether this role may drop them. The owner of a schema may drop
-- what lies in it; what belongs to a role that this one is no member of is none of the files' all the same.
SELECT t.class, t.id, i.type,
       CASE WHEN y.oid IS NULL THEN a.object_names ELSE ARRAY[n.nspname::text, y.typname::text] END, coalesce(n.nspname::text, ''), i.identity,
       pg_catalog.pg_get_userbyid(t.owner)::text, t.part,
       pg_catalog.pg_has_role(t.owner, 'USAGE')
           OR t.turn = 5 AND pg_catalog.pg_has_role(n.nspowner, 'USAGE') AND pg_catalog.pg_has_role(t.owner, 'MEMBER'),
       coalesce(n.nspname = ANY (current_setting('sqlrail.schemas')::name[]), false),
       -- A setting of the database goes as well.
       NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s
                     JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
                    CROSS JOIN LATERAL unnest(s.setconfig) AS setting
                    WHERE d.datname = current_database() AND setting LIKE 'search_path=%'
                      AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user)))
  FROM ({things}) AS t
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = t.schema
  LEFT JOIN pg_catalog.pg_type AS y ON y.tableoid = t.class AND y.oid = t.id
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(t.class, t.id, 0) AS i
 CROSS JOIN LATERAL pg_catalog.pg_identify_object_as_address(t.class, t.id, 0) AS a
 ORDER BY t.turn, i.identity;

-- The things that a reset drops, with their names, and whether this role may drop them. The owner of a schema may drop
-- what lies in it; what belongs to a role that this one is no member of is none of the files' all the same.
SELECT t.class, t.id, i.type,
       CASE WHEN y.oid IS NULL THEN a.object_names ELSE ARRAY[n.nspname::text, y.typname::text] END, coalesce(n.nspname::text, ''), i.identity,
       pg_catalog.pg_get_userbyid(t.owner)::text, t.part,
       pg_catalog.pg_has_role(t.owner, 'USAGE')
           OR t.turn = 5 AND pg_catalog.pg_has_role(n.nspowner, 'USAGE') AND pg_catalog.pg_has_role(t.owner, 'MEMBER'),
       coalesce(n.nspname = ANY (pg_catalog.current_schemas(false)), false),
       -- A setting of the database goes as well.
       (SELECT s.source NOT LIKE 'database%' FROM pg_catalog.pg_settings AS s WHERE s.name = 'search_path')
  FROM ({things}) AS t
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = t.schema
  LEFT JOIN pg_catalog.pg_type AS y ON y.tableoid = t.class AND y.oid = t.id
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(t.class, t.id, 0) AS i
 CROSS JOIN LATERAL pg_catalog.pg_identify_object_as_address(t.class, t.id, 0) AS a
 ORDER BY t.turn, i.identity

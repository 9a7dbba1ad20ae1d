-- The oids of types of these names; 0 for a name that is no type's any more.
SELECT w.name, coalesce(to_regtype(w.name)::oid::bigint, 0)
  FROM unnest({names}::text[]) AS w(name);

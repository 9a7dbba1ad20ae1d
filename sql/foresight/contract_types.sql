-- The names of types, each by its oid and modifier, and whether that is a type still.
SELECT w.oid, w.modifier, format_type(w.oid::oid, nullif(w.modifier, -1))
  FROM unnest({oids}::bigint[], {modifiers}::int[]) AS w(oid, modifier);

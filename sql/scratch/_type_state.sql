-- What the type t is made of, as a text that is another when it is altered. An expression.
concat_ws(' ', t.typnamespace::regnamespace, t.typname, t.typtype, format_type(t.typbasetype, t.typtypmod), t.typnotnull,
    (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid),
    (SELECT string_agg(pg_get_constraintdef(k.oid), ',' ORDER BY k.oid) FROM pg_constraint AS k WHERE k.contypid = t.oid))

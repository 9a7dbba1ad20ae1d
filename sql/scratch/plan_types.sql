-- Before the first pending file: the newest object, and what each type is made of that is not PostgreSQL's own.
BEGIN READ ONLY;
{ours}
-- Compiling a question to the catalog takes seconds.
SET LOCAL jit = off;
SELECT greatest((SELECT max(oid) FROM pg_proc), (SELECT max(oid) FROM pg_type), (SELECT max(oid) FROM pg_operator),
                (SELECT max(oid) FROM pg_opclass), (SELECT max(oid) FROM pg_opfamily), (SELECT max(oid) FROM pg_cast))::bigint AS newest,
       (SELECT coalesce(jsonb_object_agg(t.oid::text, {state}), '{{}}') FROM pg_type AS t
         WHERE t.oid >= 16384::oid AND t.typtype IN ('b', 'd', 'e', 'r', 'm') AND t.typcategory <> 'A') AS states;
COMMIT;

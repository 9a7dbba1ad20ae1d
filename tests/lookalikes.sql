-- Look-alikes of every function, aggregate and operator of PostgreSQL's, and of the types that casts name: each is an
-- error, "cannot accept a value of a shell type". They lie in a schema that nobody compares or empties, behind the one
-- that tables are made in and before PostgreSQL's own.
DO $plant$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('CREATE FUNCTION information_schema.%I(%s) RETURNS %s%s LANGUAGE internal AS %L', p.proname,
                      pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid),
                      CASE p.prokind WHEN 'w' THEN ' WINDOW' ELSE '' END, 'shell_in')
          FROM pg_proc AS p
         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'w')
           AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
           AND NOT 'internal'::regtype = ANY (p.proargtypes)
           -- What reads a type's text nobody calls.
           AND NOT (p.prorettype IN (SELECT oid FROM pg_type WHERE typtype = 'p') AND 'cstring'::regtype = ANY (p.proargtypes))
        UNION ALL
        SELECT format('CREATE FUNCTION information_schema.step(int8%s) RETURNS int8 LANGUAGE internal AS %L',
                      (SELECT string_agg(', ' || t::regtype, '') FROM unnest(args) AS t), 'shell_in')
          FROM (SELECT DISTINCT proargtypes::oid[] AS args FROM pg_aggregate AS a JOIN pg_proc ON oid = a.aggfnoid
                 WHERE a.aggkind = 'n' AND provariadic = 0) AS step
        UNION ALL
        SELECT format('CREATE AGGREGATE information_schema.%I(%s) (SFUNC = information_schema.step, STYPE = int8)', p.proname,
                      coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*'))
          FROM pg_aggregate AS a
          JOIN pg_proc AS p ON p.oid = a.aggfnoid
         WHERE a.aggkind = 'n' AND p.provariadic = 0
        UNION ALL
        SELECT format('CREATE FUNCTION information_schema.%I(%s%s) RETURNS %s LANGUAGE internal AS %L', 'operator_' || o.oid,
                      nullif(o.oprleft, 0)::regtype || ', ', o.oprright::regtype, o.oprresult::regtype, 'shell_in')
          FROM pg_operator AS o
        UNION ALL
        SELECT format('CREATE OPERATOR information_schema.%s (%s RIGHTARG = %s, FUNCTION = information_schema.%I)', o.oprname,
                      'LEFTARG = ' || nullif(o.oprleft, 0)::regtype || ',', o.oprright::regtype, 'operator_' || o.oid)
          FROM pg_operator AS o
        UNION ALL
        SELECT format('CREATE DOMAIN information_schema.%I AS pg_catalog.%I CHECK (false)', t, t)
          FROM unnest('{bool,text,name,oid,int2,int4,int8,float8,tid,regclass,regtype,regnamespace,json,jsonb,interval,'
                      'timestamptz}'::text[]) AS t
    LOOP
        EXECUTE statement;
    END LOOP;
END
$plant$;
-- These fit better than PostgreSQL's own, wherever they are found.
CREATE FUNCTION information_schema.format(text, text) RETURNS text LANGUAGE internal AS 'shell_in';
CREATE FUNCTION information_schema.jsonb_object(text, text[]) RETURNS jsonb LANGUAGE internal AS 'shell_in';

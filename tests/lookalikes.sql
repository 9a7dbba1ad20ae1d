-- Look-alikes of every function, aggregate and operator of PostgreSQL's, of its catalogs, and of the types that casts name.
-- Each is an error as soon as a statement that names it is planned, whether or not it would come to run it: "cannot accept
-- a value of a shell type", "is only a shell". They lie in a schema that nobody compares or empties, behind the one that
-- tables are made in and before PostgreSQL's own.
CREATE FUNCTION information_schema.met(internal) RETURNS internal LANGUAGE internal AS 'shell_in';
CREATE FUNCTION information_schema.met() RETURNS bool LANGUAGE internal AS 'shell_in' SUPPORT information_schema.met;
DO $plant$
DECLARE
    it record;
    made constant text := ' LANGUAGE internal AS ''shell_in'' SUPPORT information_schema.met';
BEGIN
    FOR it IN
        SELECT proname AS name, pg_get_function_identity_arguments(oid) AS args, pg_get_function_result(oid) AS result,
               CASE prokind WHEN 'w' THEN ' WINDOW' ELSE '' END AS kind
          FROM pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'w')
           AND prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
           AND NOT 'internal'::regtype = ANY (proargtypes)
           -- What reads a type's text nobody calls.
           AND NOT (prorettype IN (SELECT oid FROM pg_type WHERE typtype = 'p') AND 'cstring'::regtype = ANY (proargtypes))
    LOOP
        EXECUTE format('CREATE FUNCTION information_schema.%I(%s) RETURNS %s%s', it.name, it.args, it.result, it.kind) || made;
    END LOOP;
    FOR it IN
        SELECT 'step_' || oid AS step, proname AS name, prorettype::regtype AS result,
               nullif(pg_get_function_identity_arguments(oid), '') AS args
          FROM pg_aggregate JOIN pg_proc ON oid = aggfnoid
         WHERE aggkind = 'n' AND provariadic = 0 AND prorettype <> ALL ('{anyenum,record}'::regtype[])
    LOOP
        EXECUTE format('CREATE FUNCTION information_schema.%I(%s) RETURNS %s',
                       it.step, concat_ws(', ', it.result, it.args), it.result) || made;
        EXECUTE format('CREATE AGGREGATE information_schema.%I(%s) (SFUNC = information_schema.%I, STYPE = %s)',
                       it.name, coalesce(it.args, '*'), it.step, it.result);
    END LOOP;
    FOR it IN
        SELECT 'operator_' || oid AS function, oprname AS name, nullif(oprleft, 0)::regtype AS "left",
               oprright::regtype AS "right", oprresult::regtype AS result
          FROM pg_operator
    LOOP
        EXECUTE format('CREATE FUNCTION information_schema.%I(%s) RETURNS %s',
                       it.function, concat_ws(', ', it.left, it.right), it.result) || made;
        EXECUTE format('CREATE OPERATOR information_schema.%s (%s RIGHTARG = %s, FUNCTION = information_schema.%I)',
                       it.name, 'LEFTARG = ' || it.left || ',', it.right, it.function);
    END LOOP;
    FOR it IN
        SELECT relname AS name,
               string_agg(format(CASE WHEN atttypid = ANY ('{anyarray,pg_statistic[]}'::regtype[]) THEN '%I::text' ELSE '%I' END,
                                 attname), ', ' ORDER BY attnum) AS columns
          FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
         WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0 GROUP BY 1
    LOOP
        EXECUTE format('CREATE VIEW information_schema.%I AS SELECT %s FROM pg_catalog.%1$I WHERE information_schema.met()',
                       it.name, it.columns);
    END LOOP;
    FOR it IN
        SELECT typname AS name FROM pg_type
         WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'p', 'r', 'm') AND typcategory <> 'A'
           AND typname NOT IN (SELECT typname FROM pg_type WHERE typnamespace = 'information_schema'::regnamespace)
    LOOP
        EXECUTE format('CREATE TYPE information_schema.%I', it.name);
    END LOOP;
END
$plant$;
-- These fit better than PostgreSQL's own, and are taken wherever they are found: they name what those would take for
-- something wider, or for anything.
DO $better$
DECLARE
    it record;
BEGIN
    CREATE TEMP TABLE narrowed ON COMMIT DROP AS
    SELECT format('(?<![\w"])%s(?![\w\["])', wide) AS wide, narrow
      FROM unnest('{text,name,integer,bigint,oid,regclass,jsonb,boolean}'::text[]) AS narrow,
           (VALUES ('("any"|any(?:compatible)?(?:element|nonarray)?)')) AS anything(wide)
    UNION ALL VALUES ('(?<!\w)any(compatible)?array', 'text[]'), ('(?<!\w)any(compatible)?array', 'name[]'), ('text\[\]', 'text')
    UNION ALL SELECT format('(?<![\w"])%s(?![\w\["])', wide), narrow
      FROM (VALUES ('text', 'character varying'), ('text', 'name'), ('bigint', 'integer'), ('numeric', 'bigint'),
                   ('double precision', 'bigint'), ('oid', 'regclass')) AS wider(wide, narrow);
    FOR it IN
        WITH called AS (
            SELECT p.proname, concat(CASE WHEN p.proretset THEN 'SETOF ' END, p.prorettype::regtype) AS result, args.given
              FROM pg_proc AS p
             CROSS JOIN LATERAL generate_series(1, CASE p.provariadic WHEN 0 THEN 1 ELSE 3 END) AS times
             CROSS JOIN LATERAL (
                SELECT string_agg(t::regtype::text, ', ' ORDER BY n) AS given
                  FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)
                 CROSS JOIN LATERAL generate_series(1, CASE n WHEN p.pronargs THEN times ELSE 1 END)) AS args
             WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
               AND NOT p.proargtypes::regtype[] && '{internal,cstring,anyrange,anymultirange,anyenum}'::regtype[]
               AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
        )
        SELECT DISTINCT ON (name, args) *
          FROM (SELECT proname AS name, regexp_replace(given, wide, narrow, which) AS args, given,
                       regexp_replace(regexp_replace(result, wide, narrow, 'g'), '\many\w*', 'text') AS result
                  FROM called, narrowed, (VALUES ('g'), ('')) AS one_or_all(which)) AS fitting
         WHERE args <> given
    LOOP
        IF to_regprocedure(format('pg_catalog.%I(%s)', it.name, it.args)) IS NULL
           AND to_regprocedure(format('information_schema.%I(%s)', it.name, it.args)) IS NULL THEN
            EXECUTE format('CREATE FUNCTION information_schema.%I(%s) RETURNS %s LANGUAGE internal AS %L SUPPORT information_schema.met',
                           it.name, it.args, it.result, 'shell_in');
        END IF;
    END LOOP;
    FOR it IN
        SELECT DISTINCT ON (name, "left", "right") *
          FROM (SELECT oprname AS name, regexp_replace(oprresult::regtype::text, '^any\w*', 'text[]') AS result,
                       regexp_replace(oprleft::regtype::text, wide, CASE WHEN sides < 3 THEN narrow ELSE '\&' END) AS "left",
                       regexp_replace(oprright::regtype::text, wide, CASE WHEN sides > 1 THEN narrow ELSE '\&' END) AS "right"
                  FROM pg_operator, narrowed, generate_series(1, 3) AS sides
                 WHERE oprkind = 'b' AND oprnamespace = 'pg_catalog'::regnamespace) AS fitting
    LOOP
        IF to_regoperator(format('pg_catalog.%s(%s,%s)', it.name, it."left", it."right")) IS NULL
           AND to_regoperator(format('information_schema.%s(%s,%s)', it.name, it."left", it."right")) IS NULL THEN
            EXECUTE format('CREATE FUNCTION information_schema.%I(%s, %s) RETURNS %s LANGUAGE internal AS %L SUPPORT information_schema.met',
                           it.name, it."left", it."right", it.result, 'shell_in');
            EXECUTE format('CREATE OPERATOR information_schema.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = information_schema.%1$I)',
                           it.name, it."left", it."right");
        END IF;
    END LOOP;
END
$better$;
-- What is given several types.
CREATE FUNCTION information_schema.jsonb_build_object(text, text, text, text, text, int8, text, int4, text, int8, text, int8)
RETURNS jsonb LANGUAGE internal AS 'shell_in' SUPPORT information_schema.met;
-- What is given any type, in a window.
DO $windows$
DECLARE
    it regtype;
BEGIN
    FOREACH it IN ARRAY '{integer,oid,tid}'::regtype[] LOOP
        EXECUTE format('CREATE FUNCTION information_schema.first_value(%s) RETURNS %1$s LANGUAGE internal AS ''shell_in'' '
                       'WINDOW SUPPORT information_schema.met', it);
    END LOOP;
END
$windows$;

-- What an object ({object} in {catalog}) leans on that is not PostgreSQL's own: types, functions, operators and the like, and
-- of domains what their checks call. An expression. Most lean on nothing of the kind, which is found out first.
CASE WHEN NOT EXISTS (
         SELECT FROM pg_depend AS its
          WHERE its.classid = {catalog}::regclass AND its.objid = {object} AND its.refobjid >= 16384::oid
            AND its.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_opclass'::regclass,
                                   'pg_opfamily'::regclass, 'pg_cast'::regclass))
     THEN '[]'::jsonb ELSE {leaning} END

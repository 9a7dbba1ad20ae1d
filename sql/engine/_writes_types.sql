-- The same of a type, its labels, or a constraint. An expression.
(pg_catalog.current_setting('track_counts') OPERATOR(pg_catalog.<>) 'on'
 OR pg_catalog.pg_stat_get_xact_tuples_inserted('pg_catalog.pg_type'::pg_catalog.regclass)
    OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_updated('pg_catalog.pg_type'::pg_catalog.regclass)
    OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_inserted('pg_catalog.pg_enum'::pg_catalog.regclass)
    OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_inserted('pg_catalog.pg_constraint'::pg_catalog.regclass)
    OPERATOR(pg_catalog.>) 0)

-- Whether the transaction may have written a function: counts are none where the server does not count. An expression.
(pg_catalog.current_setting('track_counts') OPERATOR(pg_catalog.<>) 'on'
 OR pg_catalog.pg_stat_get_xact_tuples_inserted('pg_catalog.pg_proc'::pg_catalog.regclass)
    OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_updated('pg_catalog.pg_proc'::pg_catalog.regclass)
    OPERATOR(pg_catalog.>) 0)

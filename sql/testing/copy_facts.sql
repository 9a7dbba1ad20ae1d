-- What a test may have changed of its database as a whole: the same text, where it has changed nothing of it.
SELECT concat_ws(' ', d.datdba, d.dattablespace, d.datistemplate, d.datallowconn, d.datconnlimit, d.datacl,
                 EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s WHERE s.setdatabase = d.oid),
                 -- who sets the counters back hides what was written
                 pg_stat_get_db_stat_reset_time(d.oid)) AS facts,
       pg_snapshot_xmax(pg_current_snapshot())::xid::text AS next_transaction
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = current_database();

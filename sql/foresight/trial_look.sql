-- What the transaction has done to the tables whose live rows were copied: the file that holds each one's rows (null: it is
-- dropped), its size (TRUNCATE empties a file of this transaction where it lies, and counts nothing), rows that were put in and
-- taken out of it, and whether its rows may be counted by who runs the file now.
SELECT w.oid::bigint, pg_catalog.pg_relation_filenode(w.oid)::bigint AS filenode,
       pg_catalog.pg_relation_size(w.oid) AS size,
       pg_catalog.pg_stat_get_xact_tuples_inserted(w.oid) AS inserted,
       pg_catalog.pg_stat_get_xact_tuples_deleted(w.oid) AS deleted,
       coalesce(pg_catalog.has_table_privilege(w.oid, 'SELECT') AND NOT pg_catalog.row_security_active(w.oid), false) AS countable
  FROM pg_catalog.unnest({copied}::oid[]) AS w(oid);

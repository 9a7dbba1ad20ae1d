-- Whether what a look has placed stands, under the locks: no parent has gone, or become another, if there are as many old
-- ones as there were; and the child's rows are where they were, unless the table was written anew. And whether no parent
-- has come either: what was placed, and is there as it was, is an orphan then without being looked up. Last, the first
-- transaction that can have written no row that is seen here, unless this one has itself.
SELECT pg_relation_filenode({child_oid}) = {file}
         AND count(*) FILTER (WHERE age(p.xmin) > age({oldest}::xid8::xid)) = {parents},
       count(*) = {parents},
       CASE WHEN current_setting('track_counts')::bool
                 AND pg_stat_get_xact_tuples_inserted({child_oid}) + pg_stat_get_xact_tuples_updated({child_oid}) = 0
            THEN pg_snapshot_xmax(pg_current_snapshot())::text::bigint END
  FROM {parent} AS p;

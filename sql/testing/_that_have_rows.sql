-- Nobody has written to this database yet.
pg_relation_size(c.oid) > 0

-- The keys that were found, as something that can be sent to nodes.
found AS MATERIALIZED (SELECT * FROM pg_temp.sqlrail_orphan)

-- Scratch databases of runs that were killed: made by this role, in the name a time (of this server's clock) that is
-- {grace} seconds old, and nobody in them but Citus, which looks after each of its databases.
SELECT d.datname::text
  FROM pg_catalog.pg_database AS d
 WHERE d.datname ~ '^sqlrail_scratch_[0-9]{{10}}_[0-9a-f]{{8}}$'
   AND split_part(d.datname, '_', 3)::bigint < extract(epoch FROM now()) - {grace}
   AND pg_has_role(d.datdba, 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                    WHERE a.datid = d.oid AND coalesce(a.backend_type, '') !~ '^Citus Maintenance Daemon'
                      AND coalesce(a.application_name, '') !~ '^citus_internal ');

-- From here to the end of the transaction names lead to a tenant's schema first. Said twice it changes nothing, nor on a
-- connection that has begun with it, so that what a file sets stays. It returns no row.
SELECT
 WHERE CASE WHEN coalesce(pg_catalog.current_setting('sqlrail.tenant', true), '') OPERATOR(pg_catalog.<>) {tenant} THEN
            pg_catalog.concat(pg_catalog.set_config('search_path', {path}, true),
                              -- what guard_tenant.sql counts from: earlier transactions may still be counted
                              pg_catalog.set_config('sqlrail.keys_dropped', pg_catalog.pg_stat_get_xact_tuples_deleted(
                                  'pg_catalog.pg_constraint'::pg_catalog.regclass)::pg_catalog.text, true),
                              pg_catalog.set_config('sqlrail.tenant', {tenant}, true))
       END OPERATOR(pg_catalog.=) '';

-- From here to the end of the transaction names lead to a tenant's schema first. Said twice it changes nothing, nor on a
-- connection that has begun with it, so that what a file sets stays. It returns no row.
SELECT
 WHERE CASE WHEN coalesce(pg_catalog.current_setting('sqlrail.tenant', true), '') OPERATOR(pg_catalog.<>) {tenant} THEN
            pg_catalog.concat(pg_catalog.set_config('search_path', {path}, true),
                              pg_catalog.set_config('sqlrail.tenant', {tenant}, true))
       END OPERATOR(pg_catalog.=) '';

-- What test fixtures that hold their locks in this database have made, as far as this role may drop it; the newest first.
SELECT d.datname::text
  FROM pg_catalog.pg_database AS d
 WHERE d.datname ~ ('^sqlrail_(building|template)_' || {group} || '_[0-9a-f]{{32}}$|'
                    || '^sqlrail_test_' || {group} || '_[0-9]+_[0-9]+$')
   AND pg_has_role(d.datdba, 'USAGE')
 ORDER BY d.oid DESC;
